#!/usr/bin/env bash
# Runs one static x86-64 program on an emulated Sapphire Rapids and ends with its exit code. See README.md.
#
#   tools/emulator/run.sh PROGRAM [ARGUMENTS]
#
# The program gets the arguments and the variables whose names begin with SRMCMC_. EMULATOR_SECONDS (600) is the
# longest that the whole run may take; 124 is the exit code of one that was stopped.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=$here/.cache
if [[ $# -eq 0 ]]; then
  echo 'usage: run.sh PROGRAM [ARGUMENTS]' >&2
  exit 2
fi
if [[ ! -x $cache/bochs/bochs ]]; then
  echo 'nothing built: first run tools/emulator/build.sh' >&2
  exit 2
fi
program=$1
shift
work=$(mktemp -d)
emulator=
trap '[[ -z $emulator ]] || kill "$emulator" 2>/dev/null || true; rm -rf "$work"' EXIT

# The memory disk: busybox, the program, and a script that starts it.
root=$work/root
mkdir -p "$root"/{bin,dev,proc,sys,program} "$work/iso"
cp "$cache/guest/bin/busybox" "$root/bin/"
cp "$here/init" "$root/init"
cp "$program" "$root/program/program"
{
  echo '#!/bin/busybox sh'
  for name in $(compgen -e SRMCMC_ || true); do printf 'export %s=%q\n' "$name" "${!name}"; done
  printf 'exec /program/program'
  [[ $# -eq 0 ]] || printf ' %q' "$@"
  echo
} >"$root/program/start"
chmod +x "$root/init" "$root/program/"*
(cd "$root" && find . | "$cache/guest/bin/busybox" cpio -o -H newc 2>/dev/null) | gzip -1 >"$work/iso/disk.gz"

# The bootable disc. clearcpuid=fsrm: without the fast-string bit of IA32_MISC_ENABLE, which Bochs lacks, Linux 6.1
# otherwise patches memmove into one that copies too much.
cp "$cache"/guest/boot/vmlinuz-* "$work/iso/vmlinuz"
cp "$cache/guest/usr/lib/ISOLINUX/isolinux.bin" "$cache/guest/usr/lib/syslinux/modules/bios/ldlinux.c32" "$work/iso/"
cat >"$work/iso/isolinux.cfg" <<CONFIG
default guest
prompt 0
label guest
  kernel vmlinuz
  append initrd=disk.gz console=ttyS0,115200 quiet loglevel=1 clearcpuid=fsrm nokaslr mitigations=off nosmp tsc=reliable random.trust_cpu=on audit=0 apparmor=0 panic=-1
CONFIG
LD_LIBRARY_PATH=$cache/guest/usr/lib/x86_64-linux-gnu "$cache/guest/usr/bin/xorrisofs" -quiet -o "$work/boot.iso" \
  -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table "$work/iso" 2>/dev/null

bios=$cache/bochs/bios
cat >"$work/bochsrc" <<CONFIG
display_library: nogui
cpu: model=sapphire_rapids, ips=100000000, cpuid_freq=ips, reset_on_triple_fault=0
memory: guest=1024, host=1024
romimage: file=$bios/BIOS-bochs-latest, options=fastboot
vgaromimage: file=$bios/VGABIOS-lgpl/VGABIOS-lgpl-latest.bin
ata0-master: type=cdrom, path=$work/boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/serial
clock: sync=none
log: $work/log
panic: action=fatal
error: action=ignore
info: action=ignore
CONFIG
touch "$work/serial"
timeout "${EMULATOR_SECONDS:-600}" "$cache/bochs/bochs" -q -f "$work/bochsrc" </dev/null >"$work/bochs" 2>&1 &
emulator=$!
tail -q -n +1 -s 0.2 --pid="$emulator" -f "$work/serial" |
  sed -u -n '/^---- program$/,/^---- exit code [0-9]*$/ { //!p }'
status=0
wait "$emulator" || status=$?
emulator=
code=$(sed -n 's/^---- exit code \([0-9]*\)$/\1/p' "$work/serial" | tail -1)
if [[ -n $code ]]; then exit "$code"; fi
if [[ $status -eq 124 ]]; then
  echo "stopped after ${EMULATOR_SECONDS:-600} seconds" >&2
  exit 124
fi
echo 'the guest ended before the program did:' >&2
tail -5 "$work/serial" "$work/log" >&2
exit 1
