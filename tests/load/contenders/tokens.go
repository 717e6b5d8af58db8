package contenders

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"path/filepath"
	"time"
)

// What the peers' tokens say, in the form of ShopFlow's own.
const (
	issuer      = "https://shop.local"
	audience    = "shopflow"
	keyID       = "bench-1"
	tokenType   = "at+jwt"
	tokenLife   = time.Hour
	customer    = "customer"
	signature   = "EdDSA"
	sessionID   = "0198c2a4-8f5e-7c3a-9d41-2b6e5f708192"
	tokenSerial = "0198c2a4-8f5e-7c3a-9d41-"
)

// signer signs the tokens with which peers are asked, and keeps the files of its keys.
type signer struct {
	key                   ed25519.PrivateKey
	publicKey, privateKey string
}

// newSigner makes a key, and writes both halves into the folder as PEM.
func newSigner(folder string) (*signer, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	made := &signer{private, filepath.Join(folder, "public.pem"), filepath.Join(folder, "private.pem")}
	publicBytes, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	privateBytes, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: publicBytes})
	if err := writeKey(made.publicKey, publicPEM); err != nil {
		return nil, err
	}
	privatePEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privateBytes})
	return made, writeKey(made.privateKey, privatePEM)
}

// sign gives every user a new token.
func (s *signer) sign(users []User) error {
	for n := range users {
		token, err := s.token(users[n], time.Now())
		if err != nil {
			return err
		}
		users[n].Token = token
	}
	return nil
}

func (s *signer) token(user User, now time.Time) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": signature, "typ": tokenType, "kid": keyID})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(map[string]any{
		"iss": issuer, "aud": audience, "sub": user.ID, "email": user.Email, "role": customer,
		"sid": sessionID, "jti": tokenSerial + rand.Text()[:12],
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(tokenLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	signed := encode(header) + "." + encode(claims)
	return signed + "." + encode(ed25519.Sign(s.key, []byte(signed))), nil
}

func encode(part []byte) string { return base64.RawURLEncoding.EncodeToString(part) }
