// A Tidemark driver for Redis in standard Go (go build redis.go): n1 is the master, the last node is the replica that is read.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strings"
	"time"
)

const swap = `local v=redis.call('GET',KEYS[1]) or 'null' if v==ARGV[1] then redis.call('SET',KEYS[1],ARGV[2]) return 'swapped' end return v`

type request struct {
	ID, TimeoutMs                int
	Type, F, Key, Node, ReadPath string
	Value                        json.RawMessage
	Nodes                        map[string]string
}
type answer map[string]any
type refusal string // the store said no: it did not happen, and never will
type line struct {
	net.Conn
	in   *bufio.Reader
	node string
}

var writer, reader line

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func connect(asked request, node string) line {
	conn := must(net.DialTimeout("tcp", asked.Nodes[node], time.Duration(asked.TimeoutMs)*time.Millisecond))
	return line{conn, bufio.NewReader(conn), node}
}

// ask sends a command once. It panics with a refusal, or with another error where nobody knows what became of it.
func (l line) ask(timeoutMs int, words ...string) string {
	message := fmt.Sprintf("*%d\r\n", len(words))
	for _, word := range words {
		message += fmt.Sprintf("$%d\r\n%s\r\n", len(word), word)
	}
	must(0, l.SetDeadline(time.Now().Add(time.Duration(timeoutMs)*time.Millisecond)))
	must(l.Write([]byte(message)))
	said := must(l.in.ReadString('\n'))
	if said[0] == '-' {
		panic(refusal(said[1:]))
	} else if said[0] == '$' && said != "$-1\r\n" { // a value is JSON, which has no line ends
		return strings.TrimSpace(must(l.in.ReadString('\n')))
	}
	return "null" // there is none, or it is a status
}

func tell(asked request) (said answer) {
	defer func() {
		if why := recover(); why != nil {
			_, isRefusal := why.(refusal)
			said = answer{"type": map[bool]string{true: "fail", false: "info"}[isRefusal || asked.Type == "open"], "error": fmt.Sprint(why)}
		}
	}()
	switch asked.Type + " " + asked.F {
	case "hello ":
		return answer{"type": "hello", "protocol": 1, "name": "redis-go", "methods": []string{"read", "write", "cas"},
			"readPaths": []answer{{"name": "master", "asks": "leader"}, {"name": "replica", "asks": "follower"}}, "writePaths": []string{"async"},
			"promises": []answer{{"read": "master", "guarantees": []string{"linearizable"}}}}
	case "open ":
		first, last := asked.Node, asked.Node // a node that is named is asked for everything
		if asked.Node == "" {
			first, last = "n1", map[string]string{"master": "n1", "replica": fmt.Sprint("n", len(asked.Nodes))}[asked.ReadPath]
		}
		writer, reader = connect(asked, first), connect(asked, last)
	case "invoke read":
		return answer{"type": "ok", "node": reader.node, "value": json.RawMessage(reader.ask(asked.TimeoutMs, "GET", asked.Key))}
	case "invoke write":
		writer.ask(asked.TimeoutMs, "SET", asked.Key, string(asked.Value))
	case "invoke cas":
		old, next, _ := strings.Cut(strings.Trim(string(asked.Value), "[]"), ",") // both are numbers, or null
		if found := writer.ask(asked.TimeoutMs, "EVAL", swap, "1", asked.Key, old, next); found != "swapped" {
			return answer{"type": "fail", "error": "mismatch", "actual": json.RawMessage(found)}
		}
	}
	return answer{"type": "ok", "node": writer.node}
}

func main() {
	asked, in := request{}, json.NewDecoder(os.Stdin)
	for in.Decode(&asked) == nil && asked.Type != "close" {
		said := tell(asked)
		said["id"] = asked.ID
		must(0, json.NewEncoder(os.Stdout).Encode(said))
	}
}
