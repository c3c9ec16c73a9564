// The same check with Go's net/http: the same script in the same Redis, one connection for each request
// in flight, kept in a pool.
package main

import (
	"bufio"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	address  = os.Getenv("PEER_REDIS")
	password = os.Getenv("PEER_PASSWORD")
	script   = os.Getenv("PEER_SCRIPT")
	pepper   = unhex(os.Getenv("PEER_PEPPER"))
	service  = os.Getenv("PEER_SERVICE_DIGEST")
	abouts   sync.Map
	idle     = make(chan *line, 256)
)

type line struct {
	conn net.Conn
	in   *bufio.Reader
}

type about struct {
	Key         string   `json:"key"`
	ID          string   `json:"id"`
	Env         string   `json:"env"`
	ExternalID  *string  `json:"external_id"`
	Plan        string   `json:"plan"`
	PlanVersion int      `json:"plan_version"`
	Features    []string `json:"features"`
	Scopes      []string `json:"scopes"`
}

type rate struct {
	Limit     int64 `json:"limit"`
	Burst     int64 `json:"burst"`
	Remaining int64 `json:"remaining"`
	ResetMs   int64 `json:"reset_ms"`
}

type quota struct {
	Limit     int64  `json:"limit"`
	Included  int64  `json:"included"`
	Used      int64  `json:"used"`
	Remaining int64  `json:"remaining"`
	Overage   int64  `json:"overage"`
	ResetsAt  string `json:"resets_at"`
}

type verdict struct {
	Valid       bool     `json:"valid"`
	Code        string   `json:"code"`
	KeyID       string   `json:"key_id"`
	AccountID   string   `json:"account_id"`
	Environment string   `json:"environment"`
	ExternalID  *string  `json:"external_id"`
	Plan        string   `json:"plan"`
	PlanVersion int      `json:"plan_version"`
	Features    []string `json:"features"`
	Scopes      []string `json:"scopes"`
	Ratelimit   rate     `json:"ratelimit"`
	Quota       quota    `json:"quota"`
	RequestID   string   `json:"request_id"`
}

func unhex(text string) []byte {
	found, _ := hex.DecodeString(text)
	return found
}

func digest(token string) string {
	mac := hmac.New(sha256.New, pepper)
	mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil))
}

func take() (*line, error) {
	select {
	case free := <-idle:
		return free, nil
	default:
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	made := &line{conn, bufio.NewReader(conn)}
	fmt.Fprintf(conn, "*2\r\n$4\r\nAUTH\r\n$%d\r\n%s\r\n", len(password), password)
	_, err = made.read()
	return made, err
}

func (l *line) read() (any, error) {
	text, err := l.in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	rest := text[1 : len(text)-2]
	switch text[0] {
	case ':':
		return strconv.ParseInt(rest, 10, 64)
	case '$':
		size, _ := strconv.Atoi(rest)
		if size < 0 {
			return nil, nil
		}
		data := make([]byte, size+2)
		_, err := io.ReadFull(l.in, data)
		return string(data[:size]), err
	case '*':
		size, _ := strconv.Atoi(rest)
		found := make([]any, size)
		for at := range found {
			if found[at], err = l.read(); err != nil {
				return nil, err
			}
		}
		return found, nil
	case '-':
		return nil, fmt.Errorf("%s", rest)
	}
	return rest, nil
}

func number(value any) int64 {
	found, _ := value.(int64)
	return found
}

func ask(key string) ([]any, error) {
	tag := strings.SplitN(key, "_", 3)[2][:8]
	words := []string{"EVALSHA", script, "5", "{" + tag + "}:account", "{" + tag + "}:bucket",
		"{" + tag + "}:endpoints", "{" + tag + "}:holds", "{" + tag + "}:grant:" + digest(key),
		"0", "1", "calls", "", "", "", "", "900000", ""}
	var out strings.Builder
	fmt.Fprintf(&out, "*%d\r\n", len(words))
	for _, word := range words {
		out.WriteString("$" + strconv.Itoa(len(word)) + "\r\n" + word + "\r\n")
	}
	at, err := take()
	if err != nil {
		return nil, err
	}
	if _, err = io.WriteString(at.conn, out.String()); err != nil {
		return nil, err
	}
	reply, err := at.read()
	if err != nil {
		at.conn.Close()
		return nil, err
	}
	select {
	case idle <- at:
	default:
		at.conn.Close()
	}
	return reply.([]any), nil
}

func verify(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !hmac.Equal([]byte(digest(token)), []byte(service)) {
		http.Error(w, "{}", 401)
		return
	}
	var asked struct {
		Key string `json:"key"`
	}
	if json.NewDecoder(r.Body).Decode(&asked) != nil || len(asked.Key) < 20 {
		http.Error(w, "{}", 400)
		return
	}
	reply, err := ask(asked.Key)
	if err != nil || reply[0] != "VERDICT" {
		http.Error(w, "{}", 503)
		return
	}
	text := reply[3].(string)
	known, found := abouts.Load(text)
	if !found {
		made := &about{}
		json.Unmarshal([]byte(text), made)
		known = made
		abouts.Store(text, known)
	}
	who := known.(*about)
	ceiling, used := number(reply[9]), number(reply[11])
	var id [16]byte
	rand.Read(id[:])
	body, _ := json.Marshal(verdict{
		reply[1] == "VALID", reply[1].(string), who.Key, who.ID, who.Env, who.ExternalID, who.Plan,
		who.PlanVersion, who.Features, who.Scopes,
		rate{number(reply[4]), number(reply[5]), number(reply[6]), number(reply[7])},
		quota{ceiling, number(reply[10]), used, max(0, ceiling-used), max(0, used-number(reply[10])),
			time.UnixMilli(number(reply[12])).UTC().Format(time.RFC3339Nano)},
		"req_" + hex.EncodeToString(id[:]),
	})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Write(body)
}

func main() {
	http.HandleFunc("/v1/keys/verify", verify)
	panic(http.ListenAndServe("127.0.0.1:"+os.Getenv("PEER_PORT"), nil))
}
