/** Machines for tests: containers that run sshd, with keys that are made for them, in a network of their own. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MILLISECOND, realClock, SECOND } from '../../../history/clock.ts';
import { keyPair } from './testing-keys.ts';
import { Engine } from '../docker/engine.ts';
import { runtimeImage } from '../docker/images.ts';
import { createNetwork } from '../docker/network.ts';
import { labels, owner } from '../docker/owner.ts';

export const clock = realClock();

/** `root`; `tide`, who is root by sudo; `plain`, who is not. */
const DOCKERFILE = (runtime: string): string => `FROM ${runtime}
ARG DEBIAN_FRONTEND=noninteractive
RUN printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod +x /usr/sbin/policy-rc.d && apt-get update -q \\
 && apt-get install -y -q --no-install-recommends openssh-server sudo gcc libc6-dev && rm -rf /var/lib/apt/lists/* \\
 && rm -rf /opt/shims /etc/ssh/ssh_host_* && mv /opt/node /opt/node-of-others && mkdir -p /run/sshd \\
 && useradd -m -s /bin/bash tide && useradd -m -s /bin/sh plain && echo 'tide ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/tide
CMD ["sh", "-c", "printf '%s' \\"$HOST_KEY\\" >/etc/ssh/ssh_host_ed25519_key && chmod 600 /etc/ssh/ssh_host_ed25519_key && \\
for home in /root /home/tide /home/plain; do mkdir -p $home/.ssh && printf '%s\\\\n' \\"$USER_KEY\\" >$home/.ssh/authorized_keys; done && \\
chown -R tide: /home/tide/.ssh && chown -R plain: /home/plain/.ssh && exec /usr/sbin/sshd -D -e -o HostKey=/etc/ssh/ssh_host_ed25519_key"]
`;

export function docker(...args: readonly string[]): string {
  return execFileSync('docker', args, { encoding: 'utf8', timeout: 300_000, stdio: ['ignore', 'pipe', 'pipe'] }).trim();
}

/** Made once, found again by what is in it. */
export async function machineImage(): Promise<string> {
  const engine = await Engine.reach();
  const runtime = await runtimeImage({ engine, base: undefined, say: () => undefined });
  const text = DOCKERFILE(runtime);
  const name = `tidemark-machine:${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
  if (docker('images', '-q', name) !== '') return name;
  const folder = mkdtempSync(join(tmpdir(), 'tm-machine-'));
  try {
    writeFileSync(join(folder, 'Dockerfile'), text);
    docker('build', '-q', '-t', name, '--label', 'tidemark.image=yes', folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return name;
}

export interface Machines {
  /** Of their containers. */
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  /** With a private key `key`, and `known_hosts`. */
  readonly folder: string;
  /** What to `--set` to reach them as this user. */
  settings(user?: string): Readonly<Record<string, string>>;
  /** What a command says there, by a way that is not SSH. */
  on(i: number, ...command: readonly string[]): string;
  remove(): void;
}

let made = 0;

export async function machines(count: number): Promise<Machines> {
  const image = await machineImage();
  const run = `machines-${process.pid}-${++made}`;
  const network = `tidemark-${run}`;
  const engine = await Engine.reach();
  const marks = { [labels.run]: run, [labels.owner]: owner() };
  const subnet = await createNetwork(engine, network, marks);
  const folder = mkdtempSync(join(tmpdir(), 'tm-ssh-'));
  const user = keyPair();
  writeFileSync(join(folder, 'key'), user.private, { mode: 0o600 });
  const known: string[] = [];
  const labelled = Object.entries(marks).flatMap(([label, value]) => ['--label', `${label}=${value}`]);
  const names = Array.from({ length: count }, (_, i) => `${network}-m${i + 1}`);
  const addresses = names.map((_, i) => subnet.address(i + 2));
  for (const [i, name] of names.entries()) {
    const host = keyPair();
    known.push(`${addresses[i]} ${host.public}`);
    const keys = ['-e', `HOST_KEY=${host.private}`, '-e', `USER_KEY=${user.public}`];
    const rights = ['--cap-add', 'NET_ADMIN', '--cap-add', 'NET_RAW'];
    const place = ['--network', network, '--ip', addresses[i], '--hostname', `m${i + 1}`];
    docker('run', '-d', '--name', name, ...place, ...rights, ...keys, ...labelled, image);
  }
  writeFileSync(join(folder, 'known_hosts'), `${known.join('\n')}\n`);
  const result: Machines = {
    names,
    addresses,
    folder,
    settings: (who = 'root') => ({
      hosts: addresses.map((address) => `${who}@${address}`).join(','),
      key: join(folder, 'key'),
      'known-hosts': join(folder, 'known_hosts'),
    }),
    on: (i, ...command) => docker('exec', names[i], ...command),
    remove: () => {
      docker('rm', '-f', '-v', ...names);
      docker('network', 'rm', network);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await Promise.all(names.map((_, i) => until('sshd', async () => listens(result, i))));
  return result;
}

async function listens(all: Machines, i: number): Promise<true | undefined> {
  try {
    return /:0016 [0-9A-F]*:0000 0A/.test(all.on(i, 'cat', '/proc/net/tcp')) ? true : undefined;
  } catch {
    return undefined; // it is starting
  }
}

export async function until<T>(what: string, look: () => Promise<T | undefined>, ns = 20 * SECOND): Promise<T> {
  const deadline = clock.now() + ns;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (clock.now() > deadline) throw new Error(`${what} did not come within ${ns / SECOND} s`);
    await clock.sleepUntil(clock.now() + 50 * MILLISECOND);
  }
}

/** Files, processes and rules of ours on a machine. */
export function traces(all: Machines, i: number): string {
  const look = `ls -d /var/tmp/tidemark* 2>/dev/null; iptables-save | grep TM-; for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -E 'tm-net|tidemark-store|agent/main' | grep -v grep; done; true`;
  return all.on(i, 'sh', '-c', look);
}

/** As flags of `tidemark run`. */
export function flags(settings: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
}

/** Ends the agents on a machine, and not what they have started: as where the kernel ends them for want of memory. */
export function killAgents(all: Machines, i: number): void {
  const find = "tr '\\0' ' ' <$p/cmdline 2>/dev/null | grep -q '^/[^ ]*node .*agent/main.js'";
  all.on(i, 'sh', '-c', `for p in /proc/[0-9]*; do ${find} && kill -9 \${p#/proc/}; done; true`);
}
