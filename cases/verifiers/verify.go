// SPDX-License-Identifier: Apache-2.0
// verify QUOTE ROOT: what Google's go-tdx-guest says of a quote once it is told this root (PEM).
package main

import (
	"crypto/x509"
	"fmt"
	"os"

	"github.com/google/go-tdx-guest/verify"
)

func read(path string) []byte {
	data, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	return data
}

func main() {
	options := &verify.Options{TrustedRoots: x509.NewCertPool()}
	if !options.TrustedRoots.AppendCertsFromPEM(read(os.Args[2])) {
		panic("no certificate in " + os.Args[2])
	}
	if err := verify.RawTdxQuote(read(os.Args[1]), options); err != nil {
		fmt.Println("refused:", err)
	} else {
		fmt.Println("verified")
	}
}
