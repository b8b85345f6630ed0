#!/bin/sh
# Rebuilds the objects of this folder: clang-19, libbpf-dev, linux-libc-dev. Names of files may be given.
set -eu
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- *.c
for src in "$@"; do
	out="${src%.c}.o"
	clang-19 -target bpf -O2 -Wall -Wno-unused-function -Wno-uninitialized -Wno-sometimes-uninitialized -Wno-infinite-recursion \
		-Wno-int-conversion -Wno-pointer-to-int-cast -Wno-int-to-pointer-cast -Wno-array-bounds -Wno-unused-variable -Wno-format-security \
		-Wno-unused-but-set-variable -Wno-tautological-compare -Wno-address -Wno-null-dereference -Wno-missing-declarations -Wno-unknown-attributes \
		-fdebug-compilation-dir=. -I/usr/include/"$(uname -m)"-linux-gnu -D__TARGET_ARCH_x86 -g -mcpu=v3 -c "$src" -o "$out"
	llvm-strip-19 -g "$out"
done
