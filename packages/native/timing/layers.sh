#!/usr/bin/env bash
# Compiles layers.cc for one way of computing, amx or avx512, and runs it for nets of so many channels: layers.sh amx 32 64
set -euo pipefail
cd "$(dirname "$0")/.."
way=$1
shift
flags=(-std=c++17 -O3 -w -Wno-psabi -fno-math-errno -fno-trapping-math -ffp-contract=fast -mavx512f -mavx512dq -mavx512bw
  -mavx512vl -mfma -mprefer-vector-width=512 -mavx512bf16 -DCONVERTS_TO_BF16 "-DENGINE=\"bf16/engine_$way.h\"")
[ "$way" != amx ] || flags+=(-mamx-tile -mamx-bf16)
mkdir -p build/timing
${CXX:-g++} "${flags[@]}" -Icpp timing/layers.cc cpp/thread_pool.cc -o "build/timing/layers-$way" -pthread
"build/timing/layers-$way" "$@"
