package node

import (
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"
)

func parseCertificate(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func TestTheAuthorityIsKeptAndItsCertificatesVerify(t *testing.T) {
	folder, now := t.TempDir(), time.Now()
	first, err := loadOrCreateAuthority(folder, now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := loadOrCreateAuthority(folder, now)
	if err != nil || string(again.certPEM) != string(first.certPEM) {
		t.Fatalf("another authority at the second start: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(first.certificate)
	for name, who := range servers {
		cert, _, err := again.issue(who, now)
		if err != nil {
			t.Fatal(err)
		}
		parsed := parseCertificate(t, cert)
		for _, host := range append(who.names, who.addresses...) {
			options := x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: now.Add(leafLife - time.Hour)}
			if _, err := parsed.Verify(options); err != nil {
				t.Errorf("%s as %s: %v", name, host, err)
			}
		}
	}
}
