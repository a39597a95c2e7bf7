// Closed-loop load on an etcd cluster through etcd's own Go client: the strongest client it has. Driven by bench-store.ts:
// one order a line on standard input (JSON), one result a line on standard output.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math/rand"
	"os"
	"sort"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/etcd/clientv3"
)

// Order is one cell of the table. Leader and Follower are endpoints, `host:port`.
type Order struct {
	Op       string  `json:"op"` // fill, write, read-linearizable, read-follower
	Clients  int     `json:"clients"`
	Seconds  float64 `json:"seconds"`
	Keys     int     `json:"keys"`
	Bytes    int     `json:"bytes"`
	Leader   string  `json:"leader"`
	Follower string  `json:"follower"`
}

// Result has latencies in milliseconds and the client's own processor time in milliseconds.
type Result struct {
	Operations int     `json:"operations"`
	Errors     int     `json:"errors"`
	Seconds    float64 `json:"seconds"`
	P50        float64 `json:"p50"`
	P99        float64 `json:"p99"`
	P999       float64 `json:"p999"`
	CPUMs      float64 `json:"cpuMs"`
	FirstError string  `json:"firstError,omitempty"`
}

const connectionsMax = 8

func main() {
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		var order Order
		if err := json.Unmarshal(in.Bytes(), &order); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(254)
		}
		result, err := run(order)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(255)
		}
		line, _ := json.Marshal(result)
		fmt.Println(string(line))
	}
}

func run(order Order) (Result, error) {
	endpoint := order.Leader
	if order.Op == "read-follower" {
		endpoint = order.Follower
	}
	connections := order.Clients
	if connections > connectionsMax {
		connections = connectionsMax
	}
	clients := make([]*clientv3.Client, connections)
	for i := range clients {
		client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 5 * time.Second})
		if err != nil {
			return Result{}, err
		}
		defer client.Close()
		clients[i] = client
	}
	value := strings.Repeat("v", order.Bytes)
	if order.Op == "fill" {
		return fill(order, clients, value)
	}
	before := cpuMs()
	latencies := make([][]float64, order.Clients)
	var errors int
	var firstError string
	var lock sync.Mutex
	var done sync.WaitGroup
	start := time.Now()
	end := start.Add(time.Duration(order.Seconds * float64(time.Second)))
	for i := 0; i < order.Clients; i++ {
		done.Add(1)
		go func(i int) {
			defer done.Done()
			random := rand.New(rand.NewSource(int64(i)))
			kv := clients[i%connections]
			mine := make([]float64, 0, 1<<14)
			for now := time.Now(); now.Before(end); now = time.Now() {
				key := fmt.Sprintf("key%d", random.Intn(order.Keys))
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				err := one(ctx, kv, order.Op, key, value)
				cancel()
				if err != nil {
					lock.Lock()
					errors++
					if firstError == "" {
						firstError = err.Error()
					}
					lock.Unlock()
					continue
				}
				mine = append(mine, float64(time.Since(now))/1e6)
			}
			latencies[i] = mine
		}(i)
	}
	done.Wait()
	seconds := time.Since(start).Seconds()
	all := []float64{}
	for _, mine := range latencies {
		all = append(all, mine...)
	}
	sort.Float64s(all)
	at := func(q float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return all[int(q*float64(len(all)-1))]
	}
	return Result{len(all), errors, seconds, at(0.5), at(0.99), at(0.999), cpuMs() - before, firstError}, nil
}

func one(ctx context.Context, kv *clientv3.Client, op, key, value string) error {
	switch op {
	case "write":
		_, err := kv.Put(ctx, key, value)
		return err
	case "read-linearizable":
		answer, err := kv.Get(ctx, key)
		return found(answer, err)
	case "read-follower":
		answer, err := kv.Get(ctx, key, clientv3.WithSerializable())
		return found(answer, err)
	}
	return fmt.Errorf("unknown op %s", op)
}

func found(answer *clientv3.GetResponse, err error) error {
	if err == nil && len(answer.Kvs) != 1 {
		return fmt.Errorf("%d values where one was filled in", len(answer.Kvs))
	}
	return err
}

func fill(order Order, clients []*clientv3.Client, value string) (Result, error) {
	const workers = 64
	var done sync.WaitGroup
	failures := make(chan error, workers)
	start := time.Now()
	for w := 0; w < workers; w++ {
		done.Add(1)
		go func(w int) {
			defer done.Done()
			for i := w; i < order.Keys; i += workers {
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				_, err := clients[w%len(clients)].Put(ctx, fmt.Sprintf("key%d", i), value)
				cancel()
				if err != nil {
					failures <- err
					return
				}
			}
		}(w)
	}
	done.Wait()
	select {
	case err := <-failures:
		return Result{}, err
	default:
		return Result{Operations: order.Keys, Seconds: time.Since(start).Seconds()}, nil
	}
}

func cpuMs() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	of := func(t syscall.Timeval) float64 { return float64(t.Sec)*1e3 + float64(t.Usec)/1e3 }
	return of(usage.Utime) + of(usage.Stime)
}
