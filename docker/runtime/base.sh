#!/usr/bin/env bash
# A Debian to build on where no image registry can be reached: the tree, as tar on stdout. About 40 s; needs root and debootstrap.
set -euo pipefail
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=ca-certificates,iproute2,iptables,procps,libfaketime,libstdc++6 bookworm "$root" >&2
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}/* "$root"/var/log/*.log
tar --sort=name --mtime=@0 --numeric-owner -C "$root" -c .
