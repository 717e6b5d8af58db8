package contenders

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"

	"shopflow.dev/load/arrivals"
)

// seedConnections at once prepare data.
const seedConnections = 16

// OrderBody is the API's example of an order.
var OrderBody = []byte(`{"items":[` +
	`{"product_id":"f47ac10b-58cc-4372-a567-0e02b2c3d479","product_name":"Wireless Headphones","quantity":2,"unit_price":49.99},` +
	`{"product_id":"6ba7b810-9dad-11d1-80b4-00c04fd430c8","product_name":"USB-C Cable","quantity":1,"unit_price":12.99}],` +
	`"shipping_address":{"street":"742 Evergreen Terrace","city":"Springfield","state":"IL","zip_code":"62704","country":"US"},` +
	`"currency":"USD","notes":"Please leave at the front door."}`)

// password of every user.
const password = "S3cur3P@ssw0rd!"

func newUsers(count int) []User {
	users := make([]User, count)
	for n := range users {
		users[n] = User{Email: fmt.Sprintf("customer-%d@example.com", n), Password: password}
	}
	return users
}

// register opens the users' accounts and learns their ids.
func register(ctx context.Context, auth string, users []User) error {
	return each(users, func(user *User) error {
		answer := struct {
			ID string `json:"id"`
		}{}
		// A telephone number would make an SMS of each event; it is optional.
		body := map[string]string{
			"email": user.Email, "password": user.Password, "first_name": "Jane", "last_name": "Doe",
		}
		err := post(ctx, "http://"+auth+"/auth/register", body, http.StatusCreated, &answer)
		user.ID = answer.ID
		return err
	})
}

// signIn gets access tokens.
func signIn(ctx context.Context, auth string, users []User) error {
	return each(users, func(user *User) error {
		answer := struct {
			AccessToken string `json:"access_token"`
		}{}
		body := map[string]string{"email": user.Email, "password": user.Password}
		err := post(ctx, "http://"+auth+"/auth/login", body, http.StatusOK, &answer)
		user.Token = answer.AccessToken
		return err
	})
}

// placeOrders gives each user that many orders, in turn, so that the orders of one lie among those of all.
func placeOrders(ctx context.Context, order string, users []User, each int) error {
	return arrivals.Fill(ctx, order, len(users)*each, seedConnections, func(n int) arrivals.Request {
		return PlaceOrder("/orders", users[n%len(users)])
	})
}

// PlaceOrder is the request that places an order for the user.
func PlaceOrder(path string, user User) arrivals.Request {
	return arrivals.Request{
		Method: http.MethodPost, Path: path, Token: user.Token, Body: OrderBody, Want: http.StatusCreated,
	}
}

// each does something for all users, two at a time: most of it is hashing passwords.
func each(users []User, do func(*User) error) error {
	var (
		workers sync.WaitGroup
		failed  = make(chan error, len(users)+1)
	)
	for half := range 2 {
		workers.Go(func() {
			for n := half; n < len(users); n += 2 {
				if err := do(&users[n]); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	workers.Wait()
	close(failed)
	return <-failed
}

func post(ctx context.Context, url string, body any, want int, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != want {
		return fmt.Errorf("%s is answered %d: %s", url, response.StatusCode, answer)
	}
	return json.Unmarshal(answer, into)
}
