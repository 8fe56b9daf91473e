package ops

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/rpc"
)

// A SettingChange is a change of a setting by the page /settings.
type SettingChange struct {
	Who      string // as AdminOptions.Permit has it
	Server   int    // as in Setting
	Name     string
	From, To string
}

// PermitToken lets those change settings who know a token: as a bearer token, or as the password of Basic authentication, for which
// browsers ask. The user's name is who it is, "token" if there is none. It panics if the token has less than 16 bytes.
func PermitToken(token string) func(r *http.Request) (who string, err error) {
	if len(token) < 16 {
		panic("ops: the token has less than 16 bytes")
	}
	want := sha256.Sum256([]byte(token))
	return func(r *http.Request) (string, error) {
		who, got, ok := r.BasicAuth()
		if !ok {
			who, got = "", ""
			if scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
				got = strings.TrimSpace(text)
			}
		}
		sum := sha256.Sum256([]byte(got))
		if subtle.ConstantTimeCompare(sum[:], want[:]) != 1 {
			return "", errors.New("wrong token")
		}
		if who == "" {
			who = "token"
		}
		return printable(who), nil
	}
}

// limitSetters are the settings of a server that may change while it runs, by the names in rpc.ServerOptions.
var limitSetters = map[string]func(l *rpc.Limits, value string) error{
	"MaxConns": func(l *rpc.Limits, value string) (err error) { l.MaxConns, err = strconv.Atoi(value); return err },
	"MaxCalls": func(l *rpc.Limits, value string) (err error) { l.MaxCalls, err = strconv.Atoi(value); return err },
	"MaxBufferedBytes": func(l *rpc.Limits, value string) (err error) {
		l.MaxBufferedBytes, err = strconv.Atoi(value)
		return err
	},
	"QueueTimeout": func(l *rpc.Limits, value string) (err error) {
		l.QueueTimeout, err = time.ParseDuration(value)
		return err
	},
}

// changeSetting answers a POST to /settings.
func (a *Admin) changeSetting(w http.ResponseWriter, r *http.Request) {
	if a.opts.Permit == nil {
		plainText(w, http.StatusForbidden, "settings do not change here: AdminOptions.Permit is not set\n")
		return
	}
	who, err := a.opts.Permit(r)
	if err != nil {
		w.Header().Set("WWW-Authenticate", `Basic realm="settings", charset="UTF-8"`)
		plainText(w, http.StatusUnauthorized, "you may not change settings\n")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	if err := r.ParseForm(); err != nil {
		plainText(w, http.StatusBadRequest, "want a form with server, name and value\n")
		return
	}
	change := SettingChange{Who: who, Name: r.PostForm.Get("name"), To: strings.TrimSpace(r.PostForm.Get("value"))}
	if change.Server, err = strconv.Atoi(r.PostForm.Get("server")); err != nil && r.PostForm.Get("server") == "" {
		change.Server, err = 1, nil
	}
	if err == nil {
		err = a.change(&change)
	}
	if err != nil {
		plainText(w, http.StatusBadRequest, printable(err.Error())+"\n")
		return
	}
	if a.opts.Changed != nil {
		a.opts.Changed(change)
	}
	http.Redirect(w, r, "/settings", http.StatusSeeOther)
}

// change makes a change, whose From it fills in.
func (a *Admin) change(c *SettingChange) error {
	set, servers := limitSetters[c.Name], a.servers()
	switch {
	case set == nil:
		return fmt.Errorf("there is no setting %.60q that changes while the server runs", c.Name)
	case c.Server < 1 || c.Server > len(servers):
		return fmt.Errorf("there is no server %d", c.Server)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	s := servers[c.Server-1]
	l := s.Limits()
	c.From = limitText(l, c.Name)
	if err := set(&l, c.To); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	if err := s.SetLimits(l); err != nil {
		return err
	}
	c.To = limitText(l, c.Name)
	return nil
}

func limitText(l rpc.Limits, name string) string {
	switch name {
	case "MaxConns":
		return strconv.Itoa(l.MaxConns)
	case "MaxCalls":
		return strconv.Itoa(l.MaxCalls)
	case "MaxBufferedBytes":
		return strconv.Itoa(l.MaxBufferedBytes)
	}
	return l.QueueTimeout.String()
}
