/**
 * What is asked of a machine in the POSIX shell: through `sh -s`, whose own command line says nothing, so that a script that
 * looks for processes by their command line never finds itself.
 */
import { RUN_MARK } from '../docker/agent/place.ts';

/** Programs that are looked for, by what needs them. */
const PROGRAMS = 'tar timeout sudo gcc iptables iptables-save iptables-restore setpriv node';

const PATHS = 'PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin';

/** Says what kind of machine it is, one `name=value` a line. */
export function facts(folder: string, port: number): string {
  const hex = (n: number): string => n.toString(16).toUpperCase().padStart(4, '0');
  return `${PATHS}
echo "system=$(uname -s)"; echo "processor=$(uname -m)"; echo "libc=$(getconf GNU_LIBC_VERSION 2>/dev/null)"
echo "uid=$(id -u)"; set -- $SSH_CONNECTION; echo "address=$3"
for program in ${PROGRAMS}; do command -v $program >/dev/null 2>&1 && echo "has=$program"; done
echo "node=$(node --version 2>/dev/null) $(command -v node 2>/dev/null)"
[ "$(id -u)" = 0 ] || { if said=$(sudo -n true 2>&1); then echo sudo=yes; else echo "sudo=$(echo "$said" | head -1)"; fi; }
for port in ${hex(port)} ${hex(port + 1)}; do
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q ": [0-9A-F]*:$port [0-9A-F]*:0000 0A " && echo "taken=$port"
done
folder=${folder}
above=$folder; while [ ! -d "$above" ]; do above=$(dirname "$above"); done
echo "room=$(df -Pk "$above" | tail -1 | awk '{ print $4 }')"
if [ -L $folder ] || { [ -e $folder ] && ! [ -d $folder ]; }; then echo "foreign=it is no folder"
elif [ -d $folder ]; then
  [ -O $folder ] || echo "foreign=it belongs to $(stat -c %U $folder)"
  for one in $folder/* $folder/.[!.]*; do
    [ -e "$one" ] || [ -L "$one" ] || continue
    [ -f "$one/${RUN_MARK}" ] || { [ -d "$one" ] && [ -z "$(ls -A "$one")" ]; } || { echo "foreign=it holds '$(basename "$one")', which is no run's"; break; }
  done
elif ! [ -w "$above" ]; then echo "foreign=$(id -un) may not write to $above"
fi
`;
}

/** Makes a folder for a run, which must not be there yet; then stdin is unpacked into it. */
export function unpack(folder: string, run: string, owner: string): string {
  return `umask 077 && mkdir -p ${folder} && chmod 700 ${folder} && mkdir ${folder}/${run} && cd ${folder}/${run} \
&& printf '%s\\n' '${owner}' >${RUN_MARK} && tar -x --no-same-owner -f -`;
}

/** Tries as root what faults need of the kernel; \`lever=why not\`, one a line. */
export function trial(root: string, port: number, node: string | undefined): string {
  const chain = `TM-TRY-${port}`;
  const rules = (rule: string): string => `printf '%s\\n' '*filter' ':${chain} - [0:0]' '-A ${chain} ${rule}' COMMIT`;
  return `${PATHS}
attempt() {
  said=$(iptables-restore --noflush --wait 5 2>&1) || { echo "$1=$(echo "$said" | head -1)"; return 1; }
  iptables --wait 5 -F ${chain} && iptables --wait 5 -X ${chain}
}
${
  node === undefined
    ? ''
    : `
for pair in clock:tm-clock.so disk:tm-io.so; do
  shim=${root}/shims/\${pair#*:}; [ -f $shim ] || continue
  look='process.stdout.write(String(require("fs").readFileSync("/proc/self/maps", "latin1").includes(process.env.LD_PRELOAD)))'
  said=$(LD_PRELOAD=$shim ${node} -e "$look" 2>&1)
  [ "$said" = true ] || echo "\${pair%:*}=$(echo "$said" | tail -1)"
done
`
}
command -v iptables-restore >/dev/null && [ "$(id -u)" = 0 ] || exit 0
${rules(`-s 192.0.2.1/32 -p tcp --dport ${port} -j DROP`)} | attempt cut || exit 0
iptables-save -t filter | grep -q '^:TM-[A-Z]*-${port} ' && echo "busy=its rules for port ${port} are there"
if [ -x ${root}/shims/tm-net ]; then
  ${rules(`-d 192.0.2.1/32 -p tcp --dport ${port} -j NFQUEUE --queue-num ${port} --queue-bypass`)} | attempt shape || exit 0
  said=$(timeout 10 ${root}/shims/tm-net 1 ${port} </dev/null 2>&1)
  case "$said" in ready*) ;; *) echo "shape=$(echo "$said" | head -1)";; esac
fi
`;
}

/** \`alive NAME\`, \`dead NAME SECONDS OWNER\`: runs in a folder, told by whether their agents run. */
export function runsIn(folder: string): string {
  return `now=$(date +%s)
for root in ${folder}/*; do
  [ -f "$root/${RUN_MARK}" ] || continue
  state=dead
  for process in /proc/[0-9]*; do
    line=$(tr '\\0' ' ' <$process/cmdline 2>/dev/null) || continue
    case "$line" in *" --place $root/place.json "*) state=alive; break;; esac
  done
  echo "$state $(basename "$root") $((now - $(stat -c %Y "$root/${RUN_MARK}"))) $(head -1 "$root/${RUN_MARK}")"
done
`;
}

/** As root: everything of a run that its agent did not undo, for it was killed; says what is still there. */
export function clear(folder: string, run: string): string {
  const root = `${folder}/${run}`;
  return `${PATHS}
root=${root}
ours() {
  for process in /proc/[0-9]*; do
    case "$(tr '\\0' ' ' <$process/cmdline 2>/dev/null)" in *"$root/"*) echo \${process#/proc/};; esac
  done
}
for turn in 1 2 3 4 5 6 7 8 9 10; do
  found=$(ours); [ -z "$found" ] && break
  kill -9 $found 2>/dev/null; sleep 0.1
done
port=$(sed -n 's/.*"port":\\([0-9]*\\).*/\\1/p' $root/place.json 2>/dev/null)
if [ -n "$port" ] && command -v iptables-save >/dev/null; then
  iptables-save -t filter 2>/dev/null | sed -n "s/^-A \\(INPUT\\|OUTPUT\\) -j \\(TM-[A-Z]*-$port\\)$/\\1 \\2/p" | while read -r from chain; do
    iptables --wait 5 -D $from -j $chain
  done
  for chain in $(iptables-save -t filter 2>/dev/null | sed -n "s/^:\\(TM-[A-Z]*-$port\\) .*/\\1/p"); do
    iptables --wait 5 -F $chain && iptables --wait 5 -X $chain
  done
fi
if [ -f $root/${RUN_MARK} ]; then
  # The mark goes last: what has none is nobody's to remove.
  find $root -mindepth 1 -maxdepth 1 ! -name ${RUN_MARK} -exec rm -rf {} +
  rm -rf $root
fi
rmdir ${folder} 2>/dev/null
[ -e $root ] && echo "the folder $root"
[ -n "$(ours)" ] && echo "processes: $(ours | tr '\\n' ' ')"
[ -n "$port" ] && iptables-save -t filter 2>/dev/null | grep "TM-[A-Z]*-$port\b" | sed 's/^/the rule /'
true
`;
}

/** As root, once a run is over: what it has left. The folder of all runs goes with the last one. */
export function remains(folder: string, run: string, port: number): string {
  const root = `${folder}/${run}`;
  return `${PATHS}
rmdir ${folder} 2>/dev/null
[ -e ${root} ] && echo "the folder ${root}"
for process in /proc/[0-9]*; do
  case "$(tr '\\0' ' ' <$process/cmdline 2>/dev/null)" in *"${root}/"*) echo "the process \${process#/proc/}";; esac
done
command -v iptables-save >/dev/null && [ "$(id -u)" = 0 ] && iptables-save -t filter | grep 'TM-[A-Z]*-${port}\\b' | sed 's/^/the rule /'
true
`;
}
