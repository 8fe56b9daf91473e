// The conformance service on Apache Thrift's C++ library, on every route that the library has.
//
//   server --tls DIR --unix DIR
//
// prints "ROUTE protocol/transport/socket ADDRESS" for each route, then "READY", and serves until its standard
// input closes.

#include <chrono>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <thread>

#include <thrift/processor/TMultiplexedProcessor.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/protocol/TCompactProtocol.h>
#include <thrift/protocol/THeaderProtocol.h>
#include <thrift/protocol/TJSONProtocol.h>
#include <thrift/server/TThreadedServer.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/THttpServer.h>
#include <thrift/transport/TSSLServerSocket.h>
#include <thrift/transport/TSSLSocket.h>
#include <thrift/transport/TServerSocket.h>
#include <thrift/transport/TZlibTransport.h>

#include "routes.h"
#include "text.h"

using namespace apache::thrift;
using namespace apache::thrift::protocol;
using namespace apache::thrift::server;
using namespace apache::thrift::transport;
using namespace conformance;

namespace {

class Handler : public ConformanceIf {
public:
  void ping(std::string& r) override { r = "pong"; }
  void mirror(shared::Point& r, const shared::Point& p) override {
    r.x = p.y;
    r.y = p.x;
  }
  void check(bool ok) override {
    if (!ok) {
      shared::Unavailable e;
      e.__set_reason("not ok");
      e.__set_retryAfterMs(250);
      throw e;
    }
  }

  bool echoBool(bool v) override { return v; }
  int8_t echoByte(int8_t v) override { return v; }
  int8_t echoI8(int8_t v) override { return v; }
  int16_t echoI16(int16_t v) override { return v; }
  int32_t echoI32(int32_t v) override { return v; }
  int64_t echoI64(int64_t v) override { return v; }
  double echoDouble(double v) override { return v; }
  Color::type echoColor(Color::type v) override { return v; }
  shared::Level::type echoLevel(shared::Level::type v) override { return v; }
  shared::Timestamp echoTimestamp(shared::Timestamp v) override { return v; }
  UserID echoUserID(UserID v) override { return v; }

#define ECHO(method, ...) \
  void method(__VA_ARGS__& r, const __VA_ARGS__& v) override { r = v; }
  ECHO(echoString, std::string)
  ECHO(echoBinary, std::string)
  ECHO(echoBools, std::vector<bool>)
  ECHO(echoInts, std::vector<int32_t>)
  ECHO(echoNames, Names)
  ECHO(echoItems, std::vector<Item>)
  ECHO(echoMatrix, std::vector<std::vector<int32_t>>)
  ECHO(echoIntSet, std::set<int32_t>)
  ECHO(echoStringSet, std::set<std::string>)
  ECHO(echoIntToString, std::map<int32_t, std::string>)
  ECHO(echoStringToItems, std::map<std::string, std::vector<Item>>)
  ECHO(echoPointToString, std::map<shared::Point, std::string>)
  ECHO(echoDeep, std::map<std::string, std::map<int32_t, std::set<std::string>>>)
  ECHO(echoEmpty, Empty)
  ECHO(echoItem, Item)
  ECHO(echoChoice, Choice)
  ECHO(echoAll, AllTypes)
  ECHO(echoScrambled, Scrambled)
  ECHO(echoSparse, Sparse)
  ECHO(echoPresence, Presence)
  ECHO(echoDefaults, Defaults)
  ECHO(echoTree, Tree)
  ECHO(echoChain, Chain)
  ECHO(echoPerson, Person)

#define DESCRIBE(method, type) \
  void method(std::string& r, const type& v) override { r = text(v); }
  DESCRIBE(describeAll, AllTypes)
  DESCRIBE(describeScrambled, Scrambled)
  DESCRIBE(describeChoice, Choice)
  DESCRIBE(describePresence, Presence)
  DESCRIBE(describeDefaults, Defaults)

  void newDefaults(Defaults& r) override { r = Defaults(); }
  void order(std::string& r, const std::string& a, const std::string& b, const std::string& c) override {
    r = a + "-" + b + "-" + c;
  }
  void greet(std::string& r, const std::string& name, int32_t times, shared::Level::type level) override {
    r = name + "*" + std::to_string(times) + "@" + std::to_string(int(level));
  }
  void select(std::string& r, const std::string& a, const std::string& b, const std::string& c) override {
    r = a + "-" + b + "-" + c;
  }
  // The generated code always answers a result.
  void absent(shared::Point&) override {}

  int32_t divide(int32_t a, int32_t b) override {
    if (b == 0) {
      DivisionByZero e;
      e.__set_dividend(a);
      throw e;
    }
    if (b < 0) {
      InvalidInput e;
      e.__set_field("b");
      e.__set_code(-1);
      e.__set_hints({"b >= 0", "try again"});
      throw e;
    }
    return a / b;
  }

  void fail(const std::string& kind) override {
    if (kind == "zero") {
      divide(7, 0);
    } else if (kind == "invalid") {
      InvalidInput e;
      e.__set_field("kind");
      e.__set_code(3);
      e.__set_hints({});
      throw e;
    } else if (kind == "unavailable") {
      shared::Unavailable e;
      e.__set_reason("closed");
      throw e;
    } else if (kind == "application") {
      throw TApplicationException(TApplicationException::PROTOCOL_ERROR, "as asked");
    } else if (kind == "undeclared") {
      throw std::runtime_error("undeclared, as asked");
    }
  }

  void notify(const std::string& token) override {
    std::lock_guard<std::mutex> lock(mutex_);
    tokens_[token]++;
  }
  int32_t notified(const std::string& token) override {
    std::lock_guard<std::mutex> lock(mutex_);
    return tokens_[token];
  }
  void sleep(int32_t ms) override { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

private:
  std::mutex mutex_;
  std::map<std::string, int32_t> tokens_;
};

// Prints the route when the server listens.
class Announce : public TServerEventHandler {
public:
  Announce(const Route& route, std::shared_ptr<TServerSocket> socket, const std::string& path)
    : route_(route), socket_(socket), path_(path) {}

  void preServe() override {
    std::string address = path_.empty() ? "127.0.0.1:" + std::to_string(socket_->getPort()) : "unix:" + path_;
    std::lock_guard<std::mutex> lock(mutex());
    std::cout << "ROUTE " << route_.name() << " " << address << std::endl;
    count()++;
    changed().notify_all();
  }

  // Returns when n servers listen.
  static void await(int n) {
    std::unique_lock<std::mutex> lock(mutex());
    changed().wait(lock, [n] { return count() == n; });
  }

private:
  static std::mutex& mutex() {
    static std::mutex m;
    return m;
  }
  static int& count() {
    static int n = 0;
    return n;
  }
  static std::condition_variable& changed() {
    static std::condition_variable c;
    return c;
  }

  Route route_;
  std::shared_ptr<TServerSocket> socket_;
  std::string path_;
};

std::shared_ptr<TSSLSocketFactory> serverTLS(const std::string& dir) {
  auto tls = std::make_shared<TSSLSocketFactory>(TLSv1_2);
  tls->server(true);
  tls->loadCertificate((dir + "/server.pem").c_str());
  tls->loadPrivateKey((dir + "/server.key").c_str());
  tls->loadTrustedCertificates((dir + "/ca.pem").c_str());
  tls->authenticate(true);
  return tls;
}

std::shared_ptr<TTransportFactory> transports(const Route& route) {
  if (route.transport == "framed") {
    return std::make_shared<TFramedTransportFactory>();
  }
  if (route.transport == "http") {
    return std::make_shared<THttpServerTransportFactory>();
  }
  auto buffered = std::make_shared<TBufferedTransportFactory>();
  if (route.transport == "zlib") {
    return std::make_shared<TZlibTransportFactory>(buffered);
  }
  return buffered;
}

std::shared_ptr<TProtocolFactory> protocols(const Route& route) {
  if (route.transport == "header") {
    return std::make_shared<THeaderProtocolFactory>();
  }
  if (route.protocol == "compact") {
    return std::make_shared<TCompactProtocolFactory>();
  }
  if (route.protocol == "json") {
    return std::make_shared<TJSONProtocolFactory>();
  }
  return std::make_shared<TBinaryProtocolFactory>();
}

} // namespace

int main(int argc, char** argv) {
  std::string tlsDir, unixDir;
  for (int i = 1; i + 1 < argc; i += 2) {
    (std::string(argv[i]) == "--tls" ? tlsDir : unixDir) = argv[i + 1];
  }
  signal(SIGPIPE, SIG_IGN);
  GlobalOutput.setOutputFunction([](const char*) {});

  auto handler = std::make_shared<Handler>();
  auto plain = std::make_shared<ConformanceProcessor>(handler);
  auto multiplexed = std::make_shared<TMultiplexedProcessor>();
  multiplexed->registerProcessor("Conformance", plain);
  multiplexed->registerProcessor("Base", std::make_shared<shared::BaseProcessor>(handler));

  std::shared_ptr<TSSLSocketFactory> tls = serverTLS(tlsDir);
  int n = 0;
  for (const Route& route : Route::all()) {
    std::shared_ptr<TServerSocket> socket;
    std::string path;
    if (route.socket == "tls") {
      socket = std::make_shared<TSSLServerSocket>("127.0.0.1", 0, tls);
    } else if (route.socket == "unix") {
      path = unixDir + "/" + std::to_string(n);
      socket = std::make_shared<TServerSocket>(path);
    } else {
      socket = std::make_shared<TServerSocket>("127.0.0.1", 0);
    }
    std::shared_ptr<TProcessor> processor = plain;
    if (route.socket == "mux") {
      processor = multiplexed;
    }
    auto server = std::make_shared<TThreadedServer>(processor, socket, transports(route), protocols(route));
    server->setServerEventHandler(std::make_shared<Announce>(route, socket, path));
    std::thread([server] { server->serve(); }).detach();
    n++;
  }
  Announce::await(n);
  std::cout << "READY" << std::endl;
  while (std::cin.get() != EOF) {
  }
  _exit(0);
}
