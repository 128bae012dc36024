#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# ITU-T X.667 gives everybody object identifiers without registration: 2.25 and a UUID as one number of 128 bits.
# A certificate with an extension by that name is a valid one, and OpenSSL reads it, but two libraries that verifiers
# are built on do not read the certificate at all:
#   python3-cryptography 38.0.4 (Debian 12) from an arc of 2^28 on, though such arcs are registered below other roots,
#   GnuTLS 3.7.9 with libtasn1 4.19.0 from 2^64 on; from 2^63 on it shows a negative arc instead, 2.25.-1 for 2^64-1.
# An extension that is to be read everywhere needs arcs below 2^28, so a UUID in parts.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get -qq download python3-cryptography=38.0.4-3+deb12u1 gnutls-bin=3.7.9-2+deb12u7 libgnutls30=3.7.9-2+deb12u7 \
	libtasn1-6=4.19.0-2+deb12u1
for deb in ./*.deb; do dpkg-deb -x "$deb" root; done
libs=$(echo root/usr/lib/*-linux-gnu*)

by_cryptography()
{
	PYTHONPATH=root/usr/lib/python3/dist-packages /usr/bin/python3 - <<'PYTHON'
from cryptography import x509
try:
    print(list(x509.load_pem_x509_certificate(open("cert.pem", "rb").read()).extensions)[-1].oid.dotted_string)
except ValueError:
    print("refused")
PYTHON
}

by_gnutls()
{
	(LD_LIBRARY_PATH=$libs root/usr/bin/certtool -i --infile cert.pem 2>&1 || :) |
		sed -n 's/.*Unknown extension \([0-9.-]*\) .*/\1/p; s/.*Error in DER parsing.*/refused/p'
}

openssl ecparam -name prime256v1 -genkey -noout -out key.pem
seen=
for arc in 268435455 268435456 9223372036854775807 18446744073709551615 18446744073709551616; do
	openssl req -x509 -new -key key.pem -subj /CN=arcs -addext "2.25.$arc=ASN1:UTF8String:text" -out cert.pem
	openssl x509 -in cert.pem -noout -text -out cert.txt && grep -q "2\.25\.$arc:" cert.txt
	seen+="2.25.$arc: cryptography $(by_cryptography), GnuTLS $(by_gnutls)"$'\n'
done
printf %s "$seen"
[ "$seen" = "\
2.25.268435455: cryptography 2.25.268435455, GnuTLS 2.25.268435455
2.25.268435456: cryptography refused, GnuTLS 2.25.268435456
2.25.9223372036854775807: cryptography refused, GnuTLS 2.25.9223372036854775807
2.25.18446744073709551615: cryptography refused, GnuTLS 2.25.-1
2.25.18446744073709551616: cryptography refused, GnuTLS refused
" ] || { echo "CHANGED"; exit 1; }
