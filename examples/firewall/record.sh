#!/bin/sh
# Records traffic.pcap: a real client and a real server in two network namespaces of their own, joined by a veth pair.
# Needs root, iproute2, tcpdump, curl and python3. Nothing outside the two namespaces is touched.
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
client="ip netns exec skep-client" server="ip netns exec skep-server"
trap 'kill $pids 2>/dev/null || true; ip netns del skep-client; ip netns del skep-server; rm -rf "$work"' EXIT

ip netns add skep-client
ip netns add skep-server
ip -n skep-client link add v0 type veth peer name v0 netns skep-server
for address in 10.44.0.1 10.44.0.7 10.44.3.9 10.44.66.6; do ip -n skep-client addr add $address/16 dev v0; done
ip -n skep-client addr add fd44::1/64 dev v0 nodad
ip -n skep-server addr add 10.44.0.2/16 dev v0
ip -n skep-server addr add fd44::2/64 dev v0 nodad
for ns in skep-client skep-server; do
	ip -n $ns link set v0 up
	ip netns exec $ns ethtool -K v0 tso off gso off gro off tx off >/dev/null 2>&1 || true
done

cat >"$work/ping.py" <<'PY'
# ping.py SOURCE TARGET COUNT: echo requests, each answered before the next (ping itself is not everywhere).
import socket, struct, sys, time
source, target, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
v6 = ':' in target
family, proto, request = (socket.AF_INET6, socket.IPPROTO_ICMPV6, 128) if v6 else (socket.AF_INET, socket.IPPROTO_ICMP, 8)
s = socket.socket(family, socket.SOCK_RAW, proto); s.bind((source, 0)); s.settimeout(1)
for seq in range(count):
    body = struct.pack('!HHd', 4242, seq, time.time()) + bytes(range(40))
    packet = struct.pack('!BBH', request, 0, 0) + body
    words = sum(struct.unpack('!%dH' % (len(packet) // 2), packet))
    while words >> 16: words = (words & 0xffff) + (words >> 16)
    s.sendto(struct.pack('!BBH', request, 0, ~words & 0xffff) + body, (target, 0)); s.recv(2048)
PY
mkdir "$work/www"
head -c 90000 /dev/urandom | base64 >"$work/www/page.txt"
echo '<h1>It works</h1>' >"$work/www/index.html"
$server python3 -m http.server --directory "$work/www" 80 >/dev/null 2>&1 & pids="$!"
$server python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.44.0.2", 5353))
while True:
    data, who = s.recvfrom(2048); s.sendto(data.upper(), who)' & pids="$pids $!"
sleep 1
# Only what the server receives: that is what a program at its interface would see.
$server tcpdump -i v0 -Q in -s 0 -U -w traffic.pcap 2>/dev/null & dump=$!; pids="$pids $dump"
sleep 1

for address in 10.44.0.1 10.44.0.7 10.44.3.9 10.44.66.6; do
	for i in 1 2 3 4 5 6; do $client curl -s --interface $address -o /dev/null http://10.44.0.2/page.txt; done
	for i in 1 2 3 4 5 6 7 8; do $client curl -s --interface $address -o /dev/null http://10.44.0.2/; done
	$client curl -s --interface $address -o /dev/null --max-time 1 http://10.44.0.2:8080/ || true
	$client python3 "$work/ping.py" $address 10.44.0.2 25
	$client python3 -c '
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((sys.argv[1], 0)); s.settimeout(1)
for i in range(120):
    s.sendto(b"query %d of %s" % (i, sys.argv[1].encode()), ("10.44.0.2", 5353)); s.recv(2048)' $address
done
$client python3 "$work/ping.py" fd44::1 fd44::2 10
sleep 1
kill $dump
wait $dump 2>/dev/null || true
ls -l traffic.pcap
