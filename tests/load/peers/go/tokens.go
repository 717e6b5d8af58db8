package main

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/golang-jwt/jwt/v5"
)

const (
	accessLife  = time.Hour
	refreshLife = 30 * 24 * time.Hour
	tokenType   = "at+jwt"
)

// claims of an access token.
type claims struct {
	jwt.RegisteredClaims
	Email string `json:"email"`
	Role  string `json:"role"`
}

type tokens struct {
	parser           *jwt.Parser
	method           jwt.SigningMethod
	verifying        any
	signing          any
	keyID            string
	issuer, audience string
}

// loadTokens prepares EdDSA with the mounted keys, or HS256 where a shared secret is given.
func loadTokens() (*tokens, error) {
	loaded := &tokens{
		method: jwt.SigningMethodEdDSA,
		keyID:  os.Getenv("KEY_ID"), issuer: os.Getenv("ISSUER"), audience: os.Getenv("AUDIENCE"),
	}
	if secret := []byte(os.Getenv("SHARED_SECRET")); len(secret) > 0 {
		loaded.method, loaded.verifying, loaded.signing = jwt.SigningMethodHS256, secret, secret
	} else if err := loaded.readKeys(); err != nil {
		return nil, err
	}
	loaded.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{loaded.method.Alg()}), jwt.WithIssuer(loaded.issuer),
		jwt.WithAudience(loaded.audience), jwt.WithExpirationRequired(),
	)
	return loaded, nil
}

// readKeys reads the public key, and the private one where this is the service that signs.
func (t *tokens) readKeys() error {
	text, err := os.ReadFile(os.Getenv("PUBLIC_KEY"))
	if err != nil {
		return err
	}
	if t.verifying, err = jwt.ParseEdPublicKeyFromPEM(text); err != nil {
		return err
	}
	path := os.Getenv("PRIVATE_KEY")
	if path == "" {
		return nil
	}
	if text, err = os.ReadFile(path); err != nil {
		return err
	}
	t.signing, err = jwt.ParseEdPrivateKeyFromPEM(text)
	return err
}

// key finds the key of a token, which must be of the right type.
func (t *tokens) key(token *jwt.Token) (any, error) {
	if token.Header["typ"] != tokenType || token.Header["kid"] != t.keyID {
		return nil, errors.New("not one of our tokens")
	}
	return t.verifying, nil
}

func (t *tokens) verify(request *http.Request) (*claims, error) {
	token, found := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
	if !found {
		return nil, errors.New("no bearer token")
	}
	var read claims
	_, err := t.parser.ParseWithClaims(token, &read, t.key)
	return &read, err
}

// required refuses requests without a valid token.
func (t *tokens) required(c *gin.Context) {
	read, err := t.verify(c.Request)
	if err != nil {
		c.AbortWithStatusJSON(http.StatusUnauthorized, gin.H{"error": "invalid token"})
		return
	}
	c.Set("claims", read)
}

func caller(c *gin.Context) *claims { return c.MustGet("claims").(*claims) }

func (t *tokens) sign(id, email, role string, life time.Duration) (string, error) {
	now := time.Now()
	token := jwt.NewWithClaims(t.method, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: t.issuer, Audience: jwt.ClaimStrings{t.audience}, Subject: id,
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(life)),
		},
		Email: email, Role: role,
	})
	token.Header["typ"], token.Header["kid"] = tokenType, t.keyID
	return token.SignedString(t.signing)
}
