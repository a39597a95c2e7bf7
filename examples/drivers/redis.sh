#!/usr/bin/env bash
# A Tidemark driver for Redis in nothing but bash: n1 is the master, the last node is the replica that is read.
# It takes what the harness writes: JSON without spaces, values that are numbers or null.
LC_ALL=C
trap '' PIPE
fd=''
cas="local v=redis.call('GET',KEYS[1]) or 'null' if v==ARGV[1] then redis.call('SET',KEYS[1],ARGV[2]) return 'swapped' end return v"

# field NAME: what the line says of it, without quotes.
field() {
  found=''
  [[ $line =~ \"$1\":(\"([^\"]*)\"|([^,}]*)) ]] && found=${BASH_REMATCH[2]:-${BASH_REMATCH[3]}}
  [[ $found == '""' ]] && found=''
  [[ -n $found ]]
}

answer() { printf '{"id":%s,%s}\n' "$id" "$1"; }

# connect NODE: leaves the connection in fd, or fails.
connect() {
  [[ $line =~ \"$1\":\"([^\"]*):([0-9]+)\" ]] || return 1
  { exec {fd}<>"/dev/tcp/${BASH_REMATCH[1]}/${BASH_REMATCH[2]}"; } 2>/dev/null
}

# hear: leaves a line in reply, if one comes before the deadline, which is for all lines of an answer.
hear() {
  local left=$((until - ${EPOCHREALTIME/./}))
  ((left > 0)) || return 1
  printf -v left %d.%06d $((left / 1000000)) $((left % 1000000))
  IFS= read -r -t "$left" -u "$fd" reply || return 1
  reply=${reply%$'\r'}
}

# ask WORD…: leaves the answer in reply, and in kind what it is: + a status, - an error, : a number, $ a text. Fails where there is none.
ask() {
  local message="*$#"$'\r\n' word
  for word in "$@"; do message+="\$${#word}"$'\r\n'"$word"$'\r\n'; done
  printf '%s' "$message" >&"$fd" 2>/dev/null || return 1
  hear || return 1
  kind=${reply:0:1} reply=${reply:1}
  [[ $kind != '$' ]] && return 0
  [[ $reply == -1 ]] && { reply=null; return 0; }
  hear
}

unknown() { answer '"type":"info","error":"no answer: nobody knows whether it was done"'; }
refused() { answer "\"type\":\"fail\",\"error\":\"${reply//\"/}\""; }

while IFS= read -r line; do
  field id && id=$found
  field type && type=$found
  field timeoutMs && until=$((${EPOCHREALTIME/./} + found * 1000))
  case $type in
    hello)
      answer '"type":"hello","protocol":1,"name":"redis-sh","about":"Redis, from bash","methods":["read","write","cas"],
        "readPaths":[{"name":"master","asks":"leader"},{"name":"replica","asks":"follower"}],"writePaths":["async"],
        "promises":[{"read":"master","guarantees":["linearizable"]}]' | tr -d '\n' && echo
      ;;
    open)
      node=n1
      field readPath && [[ $found == replica && $line =~ .*\"(n[1-9])\":\" ]] && reader=${BASH_REMATCH[1]} || reader=n1
      [[ $line =~ \"node\":\"(n[1-9])\" ]] && node=${BASH_REMATCH[1]} reader=$node
      if connect "$node" && writer_fd=$fd && connect "$reader"; then
        reader_fd=$fd
        answer '"type":"ok"'
      else
        answer "\"type\":\"fail\",\"error\":\"$node or $reader cannot be reached\""
      fi
      ;;
    invoke)
      field f && f=$found
      field key && key=$found
      if [[ $f == read ]]; then
        fd=$reader_fd
        if ! ask GET "$key"; then unknown
        elif [[ $kind == - ]]; then refused
        else answer "\"type\":\"ok\",\"node\":\"$reader\",\"value\":$reply"; fi
      elif [[ $f == write ]]; then
        field value && value=$found fd=$writer_fd
        if ! ask SET "$key" "$value"; then unknown
        elif [[ $kind == - ]]; then refused
        else answer "\"type\":\"ok\",\"node\":\"$node\""; fi
      else
        [[ $line =~ \"value\":\[([^,]*),([^]]*)\] ]] && old=${BASH_REMATCH[1]} new=${BASH_REMATCH[2]} fd=$writer_fd
        if ! ask EVAL "$cas" 1 "$key" "$old" "$new"; then unknown
        elif [[ $kind == - ]]; then refused
        elif [[ $reply == swapped ]]; then answer "\"type\":\"ok\",\"node\":\"$node\""
        else answer "\"type\":\"fail\",\"error\":\"mismatch\",\"actual\":$reply"; fi
      fi
      ;;
    close) exit 0 ;;
  esac
done
