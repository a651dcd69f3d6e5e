#!/usr/bin/env bash
# Compiles layers.cc for one way of computing, amx or avx512, and runs it for nets of so many channels: layers.sh amx 32 64
set -euo pipefail
cd "$(dirname "$0")/.."
way=$1
shift
read -ra flags < <(node -p '
  const { target_defaults: common, conditions: [[, { targets }]] } = JSON.parse(fs.readFileSync("binding.gyp", "utf8"));
  [common, targets.find(({ target_name: name }) => name === "isa_avx512")].flatMap((part) => part.cflags_cc).join(" ")')
flags+=(-w -mavx512bf16 -DCONVERTS_TO_BF16 "-DENGINE=\"bf16/engine_$way.h\"")
[ "$way" != amx ] || flags+=(-mamx-tile -mamx-bf16)
mkdir -p build/timing
${CXX:-g++} "${flags[@]}" -Icpp timing/layers.cc cpp/memory.cc cpp/thread_pool.cc -o "build/timing/layers-$way" -pthread
"build/timing/layers-$way" "$@"
