#!/usr/bin/env bash
# Builds Bochs with AVX-512 and AMX, and fetches what the guest system is made of, into .cache. See README.md.
#
#   tools/emulator/build.sh FOLDER      (or BOCHS_SOURCE=FOLDER) the folder with Bochs's configure script
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=${1:-${BOCHS_SOURCE:-}}
if [[ -z $source || ! -x $source/configure ]]; then
  echo "usage: build.sh FOLDER, with the sources of Bochs (the folder that holds its configure)" >&2
  exit 2
fi
cache=$here/.cache
rm -rf "$cache"
mkdir -p "$cache/bochs" "$cache/packages" "$cache/guest"

echo 'Bochs: building' >&2
cp -r "$source/." "$cache/bochs"
cd "$cache/bochs"
patch -s -p1 <"$here/bochs.patch"
./configure --enable-cpu-level=6 --enable-x86-64 --enable-avx --enable-evex --enable-amx --enable-all-optimizations \
  --with-nogui --disable-xpm --disable-docbook CFLAGS=-O2 CXXFLAGS=-O2 >"$cache/build.log" 2>&1
make -j"${JOBS:-2}" >>"$cache/build.log" 2>&1 || { tail -20 "$cache/build.log" >&2; exit 1; }

# Unpacked, not installed: neither root nor a change of this system is needed.
echo 'guest: fetching Debian packages' >&2
cd "$cache/packages"
kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
apt-get download -q "$kernel" busybox-static isolinux syslinux-common \
  xorriso libisoburn1 libisofs6 libburn4 libjte2 >/dev/null
for package in *.deb; do dpkg -x "$package" "$cache/guest"; done
echo 'ready: tools/emulator/run.sh PROGRAM [ARGUMENTS]' >&2
