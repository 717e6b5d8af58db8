package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 365 * 24 * time.Hour
)

// authority signs every certificate of one cluster. It is kept for the cluster's life, so that a kubeconfig someone
// copied goes on working; leaf certificates are made anew at every start and so never expire unnoticed.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	certPEM     []byte
}

// identity is one certificate's subject: Kubernetes reads the user from the common name and groups from organisations.
type identity struct {
	user      string
	groups    []string
	names     []string
	addresses []string
}

// loadOrCreateAuthority reads ca.crt and ca.key of the folder, or makes them if they are not there.
func loadOrCreateAuthority(folder string, now time.Time) (*authority, error) {
	certFile, keyFile := filepath.Join(folder, "ca.crt"), filepath.Join(folder, "ca.key")
	ca, err := readAuthority(certFile, keyFile)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return ca, err
	}
	ca, keyPEM, err := newAuthority(now)
	if err != nil {
		return nil, err
	}
	if err := writeFile(keyFile, keyPEM, 0o600); err != nil {
		return nil, err
	}
	return ca, writeFile(certFile, ca.certPEM, 0o644)
}

func readAuthority(certFile, keyFile string) (*authority, error) {
	certPEM, err := os.ReadFile(certFile)
	if err != nil {
		return nil, err
	}
	keyPEM, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, err
	}
	certBlock, _ := pem.Decode(certPEM)
	keyBlock, _ := pem.Decode(keyPEM)
	if certBlock == nil || keyBlock == nil {
		return nil, fmt.Errorf("%s or %s is not PEM", certFile, keyFile)
	}
	certificate, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certFile, err)
	}
	key, err := x509.ParseECPrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	return &authority{certificate, key, certPEM}, nil
}

func newAuthority(now time.Time) (*authority, []byte, error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shopflow-local"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(authorityLife),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, nil, err
	}
	return &authority{certificate, key, pemBlock("CERTIFICATE", der)}, keyPEM, nil
}

// issue returns a certificate and its key, both PEM, good for serving and for calling.
func (ca *authority) issue(who identity, now time.Time) (certPEM, keyPEM []byte, err error) {
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: who.user, Organization: who.groups}, DNSNames: who.names,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(leafLife), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, address := range who.addresses {
		template.IPAddresses = append(template.IPAddresses, net.ParseIP(address))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, key.Public(), ca.key)
	if err != nil {
		return nil, nil, err
	}
	return pemBlock("CERTIFICATE", der), keyPEM, nil
}

// issueFiles writes NAME.crt and NAME.key into the folder.
func (ca *authority) issueFiles(folder, name string, who identity, now time.Time) error {
	certPEM, keyPEM, err := ca.issue(who, now)
	if err != nil {
		return fmt.Errorf("certificate for %s: %w", name, err)
	}
	if err := writeFile(filepath.Join(folder, name+".key"), keyPEM, 0o600); err != nil {
		return err
	}
	return writeFile(filepath.Join(folder, name+".crt"), certPEM, 0o644)
}

// issueKubeconfig writes a kubeconfig that holds its own certificate, so that it can be copied anywhere.
func (ca *authority) issueKubeconfig(file, server string, who identity, now time.Time) error {
	certPEM, keyPEM, err := ca.issue(who, now)
	if err != nil {
		return fmt.Errorf("certificate for %s: %w", who.user, err)
	}
	return writeFile(file, kubeconfig(server, ca.certPEM, certPEM, keyPEM), 0o600)
}

func kubeconfig(server string, ca, cert, key []byte) []byte {
	encode := base64.StdEncoding.EncodeToString
	return fmt.Appendf(nil, `apiVersion: v1
kind: Config
clusters:
- name: shopflow-local
  cluster: {server: %q, certificate-authority-data: %s}
users:
- name: user
  user: {client-certificate-data: %s, client-key-data: %s}
contexts:
- name: shopflow-local
  context: {cluster: shopflow-local, user: user}
current-context: shopflow-local
`, server, encode(ca), encode(cert), encode(key))
}

// createServiceAccountKey makes the key that signs service-account tokens, once: tokens in running pods outlive a restart.
func createServiceAccountKey(folder string) error {
	file := filepath.Join(folder, "service-accounts.key")
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	key, keyPEM, err := newKey()
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(folder, "service-accounts.pub"), pemBlock("PUBLIC KEY", public), 0o644); err != nil {
		return err
	}
	return writeFile(file, keyPEM, 0o600)
}

func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return key, pemBlock("EC PRIVATE KEY", der), nil
}

func pemBlock(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// writeFile replaces a file in one step, so that a run killed half-way never leaves half a file.
func writeFile(file string, content []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	partial := fmt.Sprintf("%s.%d.partial", file, os.Getpid())
	if err := os.WriteFile(partial, content, mode); err != nil {
		return err
	}
	return os.Rename(partial, file)
}
