#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# golang-github-google-go-tdx-guest-dev 0.3.1-3, Debian's package of a library that verifies TDX quotes, lacks a file
# that its own package "verify" is compiled with: the root certificate, which `go:embed trusted_root.pem` names. So
# whatever imports github.com/google/go-tdx-guest/verify from this package does not build, though the package's other
# parts (client, abi, pcs) do. Whoever wants its opinion of a quote needs upstream's module or a root of their own there.
set -euo pipefail
version=0.3.1-3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mirror=http://deb.debian.org/debian/pool/main/g/golang-github-google-go-tdx-guest
curl -sfLO "$mirror/golang-github-google-go-tdx-guest-dev_${version}_all.deb"
apt-get -qq download golang-1.19-go=1.19.8-2 golang-1.19-src=1.19.8-2
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
mkdir go
cp -a root/usr/lib/go-1.19/. root/usr/share/go-1.19/. go/ 2>/dev/null || :
say()
{
	GOROOT=$work/go GOPATH=$work/root/usr/share/gocode GO111MODULE=off GOCACHE=$work/cache HOME=$work \
		go/bin/go list -e -f '{{.Error}}' "github.com/google/go-tdx-guest/$1" 2>&1
}
verify=$(say verify) abi=$(say abi)
echo "go-tdx-guest-dev $version: verify: $verify"
echo "go-tdx-guest-dev $version: abi: $abi"
[[ $verify = *"pattern trusted_root.pem: no matching files found"* ]] && [ "$abi" = "<nil>" ] || { echo CHANGED; exit 1; }
