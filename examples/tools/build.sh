#!/bin/sh
# Rebuilds the objects of this folder: clang-19, libbpf-dev, linux-libc-dev.
set -eu
cd "$(dirname "$0")"
flags="-O2 -Wall -Wno-unknown-attributes -Wno-unused-function -fdebug-compilation-dir=. -I/usr/include/x86_64-linux-gnu -D__TARGET_ARCH_x86"
for source in *.bpf.c; do clang-19 -target bpf $flags -g -mcpu=v3 -c $source -o ${source%.c}.o && llvm-strip-19 -g ${source%.c}.o; done
