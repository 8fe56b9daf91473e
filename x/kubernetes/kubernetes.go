// Package kubernetes finds the instances of a service of Kubernetes: the ready endpoints of its EndpointSlices, watched.
//
//	client, err := thriftkit.Dial(ctx, "kubernetes:///shop/pingpong:thrift", thriftkit.WithResolver("kubernetes", kubernetes.Scheme))
//
// shop is the namespace, pingpong the Service and thrift the name of its port, or its number. The program's service account needs this Role;
// services are read only where the port is a number:
//
//	rules:
//	  - {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}
//	  - {apiGroups: [""], resources: [services], verbs: [get]}
//
// It uses Kubernetes' HTTP API: discovery.k8s.io/v1, of Kubernetes 1.21 and later. Pods register by being ready: there is no Registrar. The
// tests run against a server that was written from the documentation of the API, not against Kubernetes.
package kubernetes

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/thriftkit/thriftkit/discovery"
	"github.com/thriftkit/thriftkit/internal/httpapi"
)

// Options say how the API is reached. The zero value is right in a pod.
type Options struct {
	// Server is the API: https://host:port, or http://host:port as of "kubectl proxy". "" is that of the cluster in which the program runs.
	Server string

	// Token returns the token of requests. nil reads that of the pod's service account each time, as it changes, if Server is "", and sends
	// none otherwise.
	Token func() (string, error)

	// HTTP sends the requests; nil is a client that trusts the cluster's authority if Server is "", and [http.DefaultClient]
	// otherwise.
	HTTP *http.Client

	// OnError learns of what has no caller: slices and endpoints that are skipped. nil drops it.
	OnError func(error)

	account string // the folder of the service account
}

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// inCluster sets what opts lacks to what a pod has.
func (opts Options) inCluster() (Options, error) {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" || port == "" {
		return opts, errors.New("not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; give the address of the API, " +
			"such as kubernetes+http://127.0.0.1:8001 with kubectl proxy")
	}
	opts.Server = "https://" + net.JoinHostPort(host, port)
	if opts.Token == nil {
		name := filepath.Join(opts.account, "token")
		opts.Token = func() (string, error) {
			text, err := os.ReadFile(name)
			return strings.TrimSpace(string(text)), err
		}
	}
	if opts.HTTP == nil {
		authority, err := os.ReadFile(filepath.Join(opts.account, "ca.crt"))
		if err != nil {
			return opts, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(authority) {
			return opts, fmt.Errorf("%s has no certificates", filepath.Join(opts.account, "ca.crt"))
		}
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.TLSClientConfig = &tls.Config{RootCAs: pool}
		opts.HTTP = &http.Client{Transport: t}
	}
	return opts, nil
}

// Scheme makes resolvers of "kubernetes:///namespace/service:port", for thriftkit.WithResolver: of the cluster in which the program runs, or
// of "kubernetes://host:6443/…" by HTTPS. Given for the scheme "kubernetes+http" it asks by plain HTTP:
// "kubernetes+http://127.0.0.1:8001/…" with "kubectl proxy". The variable KUBERNETES_TOKEN has the token for an API that the target names.
func Scheme(u *url.URL) (discovery.Resolver, error) {
	form := u.Scheme + ":///namespace/service:port"
	if strings.HasSuffix(u.Scheme, "+http") {
		form = u.Scheme + "://host:port/namespace/service:port"
	}
	namespace, service, ok := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	if !ok || strings.HasSuffix(u.Scheme, "+http") && u.Host == "" {
		return nil, fmt.Errorf("want %s", form)
	}
	var opts Options
	if u.Host != "" {
		opts.Server = "https://" + u.Host
		if strings.HasSuffix(u.Scheme, "+http") {
			opts.Server = "http://" + u.Host
		}
		if token := os.Getenv("KUBERNETES_TOKEN"); token != "" {
			opts.Token = func() (string, error) { return token, nil }
		}
	}
	r, err := Resolver(namespace, service, opts)
	if err != nil {
		return nil, fmt.Errorf("%w (the form is %s)", err, form)
	}
	return r, nil
}

// Resolver returns what reports the ready endpoints of a Service in a namespace. service is "name:port" with the name or the number of one of
// its ports; without a port the Service must have one only. Zones are those of the endpoints; the metadata node and pod name them.
func Resolver(namespace, service string, opts Options) (discovery.Resolver, error) {
	if opts.account == "" {
		opts.account = serviceAccount
	}
	if opts.OnError == nil {
		opts.OnError = func(error) {}
	}
	name, port, hasPort := strings.Cut(service, ":")
	if !isName(namespace) || !isName(name) || hasPort && port == "" {
		return nil, fmt.Errorf("kubernetes: %q in namespace %q: want the names of a namespace and a Service, and its port", service, namespace)
	}
	var err error
	if opts.Server == "" {
		if opts, err = opts.inCluster(); err != nil {
			return nil, fmt.Errorf("kubernetes: %w", err)
		}
	}
	c, err := httpapi.New("https", []string{opts.Server}, opts.HTTP)
	if err != nil {
		return nil, fmt.Errorf("kubernetes: %w", err)
	}
	return discovery.ResolverFunc(func(ctx context.Context, report func(discovery.Snapshot)) error {
		for {
			w := &watcher{c: c, opts: opts, namespace: namespace, service: name, port: port, slices: map[string]slice{}, report: report}
			if err := w.watch(ctx); !errors.Is(err, errTooOld) {
				return fmt.Errorf("kubernetes: %w", err)
			}
		}
	}), nil
}

// isName reports whether s is a label of DNS, as Kubernetes' names of namespaces and Services are (RFC 1123).
func isName(s string) bool {
	return s != "" && len(s) <= 63 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && s[0] != '-' && s[len(s)-1] != '-'
}

// What the API has, as far as it matters here: https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/ and
// https://kubernetes.io/docs/reference/using-api/api-concepts/.
type (
	slice struct {
		Metadata struct {
			UID             string
			Name            string
			ResourceVersion string
		}
		AddressType string
		Endpoints   []endpoint
		Ports       []port
	}
	endpoint struct {
		Addresses  []string
		Conditions struct{ Ready *bool }
		NodeName   string
		Zone       string
		TargetRef  struct{ UID, Kind, Name string }
	}
	port struct {
		Name string
		Port *int
	}
	sliceList struct {
		Metadata struct{ ResourceVersion, Continue string }
		Items    []slice
	}
	event struct {
		Type   string
		Object json.RawMessage
	}
	status struct {
		Code    int
		Message string
	}
)

// A watcher watches the slices of one Service.
type watcher struct {
	c                  *httpapi.Client
	opts               Options
	namespace, service string
	port               string // "" is the only one
	portName           string // of the port with the number
	slices             map[string]slice
	version            string
	revision           uint64
	report             func(discovery.Snapshot)
}

const (
	requestTimeout = 10 * time.Second
	watchTimeout   = 5 * time.Minute // after which the API ends a watch, and it is asked again
	pageSize       = 500
)

// errTooOld means that the API does not have the changes since a version any more.
var errTooOld = errors.New("the version is too old")

func (w *watcher) request(path string, q url.Values) (httpapi.Request, error) {
	r := httpapi.Request{Path: path, Query: q}
	if w.opts.Token != nil {
		token, err := w.opts.Token()
		if err != nil {
			return r, err
		}
		r.Header = http.Header{"Authorization": {"Bearer " + token}}
	}
	return r, nil
}

func (w *watcher) get(ctx context.Context, path string, q url.Values, out any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	r, err := w.request(path, q)
	if err != nil {
		return err
	}
	_, err = w.c.Do(ctx, r, out)
	return said(err)
}

// said returns err with what the API's Status says in place of its JSON.
func said(err error) error {
	var e *httpapi.StatusError
	if errors.As(err, &e) {
		var s status
		if json.Unmarshal([]byte(e.Message), &s) == nil && s.Message != "" {
			e.Message = s.Message
		}
	}
	return err
}

func (w *watcher) path() string {
	return "/apis/discovery.k8s.io/v1/namespaces/" + w.namespace + "/endpointslices"
}

func (w *watcher) selector() url.Values {
	return url.Values{"labelSelector": {"kubernetes.io/service-name=" + w.service}}
}

// watch lists the slices, and reports the endpoints again after each change.
func (w *watcher) watch(ctx context.Context) error {
	if err := w.findPort(ctx); err != nil {
		return err
	}
	q := w.selector()
	q.Set("limit", strconv.Itoa(pageSize))
	for {
		var page sliceList
		err := w.get(ctx, w.path(), q, &page)
		if httpapi.IsStatus(err, http.StatusGone) { // the rest of the pages
			return errTooOld
		}
		if err != nil {
			return err
		}
		for _, s := range page.Items {
			w.slices[s.Metadata.UID] = s
		}
		w.version = page.Metadata.ResourceVersion
		if page.Metadata.Continue == "" {
			break
		}
		q.Set("continue", page.Metadata.Continue)
	}
	if err := w.tell(); err != nil {
		return err
	}
	for {
		if err := w.changes(ctx); err != nil {
			return err
		}
	}
}

// findPort finds the name of the Service's port with the number w.port. Slices have the numbers of the pods' ports, which may differ.
func (w *watcher) findPort(ctx context.Context) error {
	number, err := strconv.Atoi(w.port)
	if err != nil {
		w.portName = w.port
		return nil
	}
	var s struct {
		Spec struct {
			Ports []struct {
				Name string
				Port int
			}
		}
	}
	if err := w.get(ctx, "/api/v1/namespaces/"+w.namespace+"/services/"+w.service, nil, &s); err != nil {
		return fmt.Errorf("the Service, for the name of its port %d: %w", number, err)
	}
	var all []string
	for _, p := range s.Spec.Ports {
		if p.Port == number {
			w.portName = p.Name
			return nil
		}
		all = append(all, strconv.Itoa(p.Port))
	}
	return fmt.Errorf("service %s has no port %d (it has: %s)", w.service, number, strings.Join(all, ", "))
}

// changes takes changes until the API ends the watch.
func (w *watcher) changes(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout+requestTimeout)
	defer cancel()
	q := w.selector()
	q.Set("watch", "true")
	q.Set("allowWatchBookmarks", "true")
	q.Set("resourceVersion", w.version)
	q.Set("timeoutSeconds", strconv.Itoa(int(watchTimeout/time.Second)))
	r, err := w.request(w.path(), q)
	if err != nil {
		return err
	}
	resp, err := w.c.Open(ctx, r)
	if httpapi.IsStatus(err, http.StatusGone) {
		return errTooOld
	}
	if err != nil {
		return said(err)
	}
	defer resp.Body.Close()
	bounded := &io.LimitedReader{R: resp.Body}
	events := json.NewDecoder(bounded)
	for {
		bounded.N = httpapi.MaxBody
		var e event
		err := events.Decode(&e)
		if errors.Is(err, io.EOF) && bounded.N > 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: the watch: %w", w.path(), err)
		}
		var s slice
		switch e.Type {
		case "ADDED", "MODIFIED", "DELETED", "BOOKMARK":
			if err := json.Unmarshal(e.Object, &s); err != nil {
				return fmt.Errorf("%s: an event is not what the API has: %w", w.path(), err)
			}
		case "ERROR":
			var st status
			if err := json.Unmarshal(e.Object, &st); err != nil || st.Code != http.StatusGone {
				return fmt.Errorf("%s: the watch: %d %s", w.path(), st.Code, st.Message)
			}
			return errTooOld
		default: // of a later version
			continue
		}
		if s.Metadata.ResourceVersion != "" {
			w.version = s.Metadata.ResourceVersion
		}
		switch e.Type {
		case "DELETED":
			delete(w.slices, s.Metadata.UID)
		case "BOOKMARK":
			continue
		default:
			w.slices[s.Metadata.UID] = s
		}
		if err := w.tell(); err != nil {
			return err
		}
	}
}

// tell reports the ready endpoints of all slices. A pod with addresses of both families counts once, by IPv4.
func (w *watcher) tell() error {
	all := slices.SortedFunc(maps.Values(w.slices), func(a, b slice) int {
		return strings.Compare(a.AddressType+"/"+a.Metadata.Name, b.AddressType+"/"+b.Metadata.Name) // "IPv4" before "IPv6"
	})
	list := []discovery.Instance{}
	pods, addrs := map[string]string{}, map[string]bool{} // the family of the pods
	for _, s := range all {
		number, err := w.portOf(s)
		if err != nil {
			if w.port == "" {
				return err // there is no way to know which
			}
			if len(s.Endpoints) > 0 {
				w.opts.OnError(fmt.Errorf("kubernetes: skipped slice %s: %w", s.Metadata.Name, err))
			}
			continue
		}
		for _, e := range s.Endpoints {
			if e.Conditions.Ready != nil && !*e.Conditions.Ready || len(e.Addresses) == 0 {
				continue
			}
			if family, ok := pods[e.TargetRef.UID]; ok && family != s.AddressType {
				continue
			}
			in := discovery.Instance{Addr: net.JoinHostPort(e.Addresses[0], strconv.Itoa(number)), Zone: e.Zone}
			if err := in.Validate(); err != nil {
				w.opts.OnError(fmt.Errorf("kubernetes: skipped an endpoint of slice %s: %w", s.Metadata.Name, err))
				continue
			}
			if addrs[in.Addr] { // an endpoint may be in two slices for a while
				continue
			}
			addrs[in.Addr] = true
			if e.TargetRef.UID != "" {
				pods[e.TargetRef.UID] = s.AddressType
			}
			in.Metadata = map[string]string{}
			if e.NodeName != "" {
				in.Metadata["node"] = e.NodeName
			}
			if e.TargetRef.Kind == "Pod" {
				in.Metadata["pod"] = e.TargetRef.Name
			}
			list = append(list, in)
		}
	}
	w.revision++
	w.report(discovery.Snapshot{Revision: w.revision, Instances: list})
	return nil
}

// portOf returns the number of the wanted port in s.
func (w *watcher) portOf(s slice) (int, error) {
	var names []string
	for _, p := range s.Ports {
		if p.Port == nil {
			continue
		}
		if w.port != "" && p.Name == w.portName || w.port == "" && len(s.Ports) == 1 {
			return *p.Port, nil
		}
		names = append(names, p.Name)
	}
	if w.port == "" {
		if len(names) == 0 && len(s.Endpoints) == 0 {
			return 0, nil
		}
		return 0, fmt.Errorf("service %s has %d ports, name one: %s:PORT (it has: %s)", w.service, len(names), w.service, strings.Join(names, ", "))
	}
	return 0, fmt.Errorf("service %s has no port %q (it has: %s)", w.service, w.portName, strings.Join(names, ", "))
}
