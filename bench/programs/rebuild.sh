#!/bin/sh
# Rebuilds the committed objects: clang 19 and libbpf's headers.
cd "$(dirname "$0")" || exit 1
for c in *.c; do
  clang-19 -target bpf -O2 -g -fdebug-compilation-dir=. -mcpu=v3 -I/usr/include/"$(uname -m)"-linux-gnu -c "$c" -o "${c%.c}.o" || exit 1
  ${LLVM_STRIP:-llvm-strip-19} -g "${c%.c}.o"
done
