#!/bin/sh
# Builds firewall.bpf.o anew. Needs clang with the BPF target, the kernel's UAPI headers and libbpf's.
set -e
cd "$(dirname "$0")"
${CLANG:-clang-19} -target bpf -O2 -g -fdebug-compilation-dir=. -mcpu=v3 -Wall -I"/usr/include/$(uname -m)-linux-gnu" -c firewall.bpf.c -o firewall.bpf.o && llvm-strip-19 -g firewall.bpf.o
