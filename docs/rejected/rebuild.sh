#!/bin/sh
# Rebuilds the object with clang 19 and libbpf's headers.
cd "$(dirname "$0")" || exit 1
clang-19 -target bpf -O2 -g -mcpu=v3 -fdebug-compilation-dir=. -I/usr/include/"$(uname -m)"-linux-gnu \
	-c unchecked.bpf.c -o unchecked.bpf.o && llvm-strip-19 -g unchecked.bpf.o
