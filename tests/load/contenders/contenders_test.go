package contenders

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestTheBrokersReportSaysHowFarTheConsumersAre(t *testing.T) {
	const text = `{"account_details":[{"stream_detail":[
		{"name":"USERS","state":{"last_seq":5}},
		{"name":"ORDERS","state":{"last_seq":90},"consumer_detail":[
			{"name":"other","ack_floor":{"stream_seq":1}},
			{"name":"notification-orders","ack_floor":{"stream_seq":70},"num_ack_pending":8,"num_pending":12}]}]}]}`
	var report streams
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatal(err)
	}
	got, err := report.orders()
	if want := (Events{Published: 90, Consumed: 70, Pending: 20}); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := (streams{}).orders(); err == nil {
		t.Error("a broker without the stream is read")
	}
}

func TestPeersAreAskedWithTokensOfShopFlowsForm(t *testing.T) {
	signer, err := newSigner(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	users := []User{{ID: "a1b2c3d4-e5f6-7890-abcd-ef1234567890", Email: "jane.doe@example.com"}}
	if err := signer.sign(users); err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(users[0].Token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a token: %s", users[0].Token)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	public := signer.key.Public().(ed25519.PublicKey)
	if !ed25519.Verify(public, []byte(parts[0]+"."+parts[1]), signature) {
		t.Error("the signature does not fit")
	}
	var claims struct {
		Subject string `json:"sub"`
		Expires int64  `json:"exp"`
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &claims); err != nil || claims.Subject != users[0].ID || claims.Expires <= time.Now().Unix() {
		t.Errorf("claims %s, %v", text, err)
	}
}
