// Checks a server of the conformance service with Apache Thrift's C++ library.
//
//   client --tls DIR ROUTE=ADDRESS...
//
// prints "ROUTE ok NAME", "ROUTE skip NAME: why" or "ROUTE FAIL NAME: what" for each check. The exit code is 1 if any
// failed.

#include <chrono>
#include <csignal>
#include <cmath>
#include <functional>
#include <iostream>
#include <limits>
#include <thread>

#include <unistd.h>

#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/protocol/TCompactProtocol.h>
#include <thrift/protocol/THeaderProtocol.h>
#include <thrift/protocol/TJSONProtocol.h>
#include <thrift/protocol/TMultiplexedProtocol.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/THttpClient.h>
#include <thrift/transport/TSSLSocket.h>
#include <thrift/transport/TSocket.h>
#include <thrift/transport/TZlibTransport.h>

#include "routes.h"
#include "text.h"

using namespace apache::thrift;
using namespace apache::thrift::protocol;
using namespace apache::thrift::transport;
using namespace conformance;

namespace {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string shorten(const std::string& s) {
  return s.size() <= 300 ? s : s.substr(0, 300) + "… (" + std::to_string(s.size()) + " bytes)";
}

// Fails unless the texts of both are the same.
template <class A, class B>
void same(const A& got, const B& want) {
  std::string g = text(got), w = text(want);
  if (g != w) {
    throw Failure("got " + shorten(g) + ", want " + shorten(w));
  }
}

// What a check gets: connections to the server.
class Context {
public:
  Context(const Route& route, const std::string& address, std::shared_ptr<TSSLSocketFactory> tls)
    : route(route), address_(address), tls_(tls) {}

  // Returns the protocol of a new connection.
  std::shared_ptr<TProtocol> connect() const {
    std::shared_ptr<TTransport> t = socket();
    if (route.transport == "framed") {
      t = std::make_shared<TFramedTransport>(t);
    } else if (route.transport == "http") {
      t = std::make_shared<THttpClient>(t, "localhost", "/thrift");
    } else if (route.transport != "header") {
      t = std::make_shared<TBufferedTransport>(t);
    }
    if (route.transport == "zlib") {
      t = std::make_shared<TZlibTransport>(t);
    }
    std::shared_ptr<TProtocol> p;
    if (route.transport == "header") {
      p = std::make_shared<THeaderProtocol>(t, route.protocol == "compact" ? T_COMPACT_PROTOCOL : T_BINARY_PROTOCOL);
    } else if (route.protocol == "compact") {
      p = std::make_shared<TCompactProtocol>(t);
    } else if (route.protocol == "json") {
      p = std::make_shared<TJSONProtocol>(t);
    } else {
      p = std::make_shared<TBinaryProtocol>(t);
    }
    t->open();
    return p;
  }

  // Returns a client on a protocol, multiplexed where the route is.
  std::shared_ptr<ConformanceClient> client(std::shared_ptr<TProtocol> p) const {
    if (route.socket == "mux") {
      p = std::make_shared<TMultiplexedProtocol>(p, "Conformance");
    }
    return std::make_shared<ConformanceClient>(p);
  }

  std::shared_ptr<ConformanceClient> client() const { return client(connect()); }

  const Route route;

private:
  std::shared_ptr<TTransport> socket() const {
    if (route.socket == "unix") {
      return std::make_shared<TSocket>(address_.substr(std::string("unix:").size()));
    }
    size_t colon = address_.rfind(':');
    std::string host = address_.substr(0, colon);
    int port = std::stoi(address_.substr(colon + 1));
    std::shared_ptr<TSocket> s;
    if (route.socket == "tls") {
      s = tls_->createSocket(host, port);
    } else {
      s = std::make_shared<TSocket>(host, port);
    }
    s->setRecvTimeout(60000);
    return s;
  }

  std::string address_;
  std::shared_ptr<TSSLSocketFactory> tls_;
};

// Returns v as its reader will see it: what is written without having been set is present there.
template <class T>
T sent(const T& v) {
  auto memory = std::make_shared<TMemoryBuffer>();
  TBinaryProtocol p(memory);
  v.write(&p);
  T seen;
  seen.read(&p);
  return seen;
}

Item item(const std::string& name, int32_t count) {
  Item v;
  v.__set_name(name);
  v.__set_count(count);
  return sent(v);
}

Item item(const std::string& name, int32_t count, double price) {
  Item v = item(name, count);
  v.__set_price(price);
  return v;
}

shared::Point point(int32_t x, int32_t y) {
  shared::Point v;
  v.x = x;
  v.y = y;
  return v;
}

Choice number(int32_t n) {
  Choice v;
  v.__set_number(n);
  return v;
}

Choice choiceText(const std::string& s) {
  Choice v;
  v.__set_text(s);
  return v;
}

Choice many(const std::vector<Choice>& choices) {
  Choice v;
  v.__set_many(choices);
  return v;
}

std::string allBytes(size_t n) {
  std::string s(n, '\0');
  for (size_t i = 0; i < n; i++) {
    s[i] = char(i);
  }
  return s;
}

const double inf = std::numeric_limits<double>::infinity();
const double nan_ = std::numeric_limits<double>::quiet_NaN();

AllTypes allTypes() {
  using I8 = std::numeric_limits<int8_t>;
  using I16 = std::numeric_limits<int16_t>;
  using I32 = std::numeric_limits<int32_t>;
  using I64 = std::numeric_limits<int64_t>;
  AllTypes v;
  v.__set_aBool(true);
  v.__set_aByte(I8::min());
  v.__set_anI8(I8::max());
  v.__set_anI16(I16::min());
  v.__set_anI32(I32::max());
  v.__set_anI64(I64::min());
  v.__set_aDouble(-2.5e-300);
  v.__set_aString("quotes \" and \\, tab\t, 水 🦉");
  v.__set_aBinary(allBytes(256));
  v.__set_color(Color::NEGATIVE);
  v.__set_level(shared::Level::HIGH);
  v.__set_timestamp(1700000000123);
  v.__set_user(-1);
  v.__set_item(item("one", 1, 0.1));
  Choice nothing;
  nothing.__set_nothing(Empty());
  v.__set_choice(many({number(0), choiceText(""), nothing}));
  v.__set_bools({true, false, true});
  v.__set_bytes({0, -1, 127});
  v.__set_shorts({I16::min(), I16::max()});
  v.__set_ints({I32::min(), 0, I32::max()});
  v.__set_longs({I64::min(), I64::max()});
  v.__set_doubles({0.0, -0.0, inf, -inf, nan_, 5e-324, std::numeric_limits<double>::max()});
  v.__set_strings({"", "a", "é", "水", "🦉"});
  v.__set_binaries({"", std::string(1, '\0'), "\xff\xfe"});
  v.__set_colors({Color::RED, Color::BLUE});
  v.__set_items({item("", 0), item("b", -1, -0.0)});
  v.__set_matrix({{}, {1}, {2, 3}});
  v.__set_intSet({3, 1, 2});
  v.__set_stringSet({"b", "", "a"});
  v.__set_pointSet({point(1, 2), point(2, 1)});
  v.__set_intToString({{1, "one"}, {-1, "minus one"}});
  v.__set_stringToLong({{"", 0}, {"max", I64::max()}});
  v.__set_boolToByte({{true, 1}, {false, 0}});
  v.__set_colorToItem({{Color::GREEN, item("green", 5)}});
  v.__set_stringToItems({{"none", {}}, {"two", {item("a", 1), item("b", 2)}}});
  v.__set_pointToString({{point(0, 0), "origin"}, {point(-1, 1), "left"}});
  v.__set_deep({{"a", {{1, {"x", "y"}}, {2, {}}}}, {"b", {}}});
  v.__set_deeper({{}, {{"k", {{"v", ""}, {}}}}});
  v.__set_names({"n1", "n2"});
  v.__set_groups({{"g", {"n1"}}, {"empty", {}}});
  v.__set_empty(Empty());
  return sent(v);
}

// The text of a Defaults in which nothing was set.
const char* const defaultsText
    = "Defaults{aBool=true,aByte=-7,anI16=300,anI32=127,anI64=5000000000,aDouble=3ff8000000000000,"
      "aString=\"it is \\\"quoted\\\"\",aBinary=x'6279746573',color=5,level=10,aList=[1,2,3],aSet={\"a\",\"b\"},"
      "aMap={\"one\":1,\"two\":2},nested={\"none\":[],\"odd\":[1,3]},point=Point{x=3,y=4},answer=42,greeting=\"hello\","
      "optionalInt=11,optionalString=\"given\",requiredInt=12,whole=4000000000000000,timestamp=-1}";

Presence presence() {
  Presence v;
  v.requiredInt = 0;
  v.requiredString = "";
  v.__set_plainInt(0);
  v.__set_plainString("");
  v.__set_plainList({});
  v.__set_plainPoint(point(0, 0));
  return sent(v);
}

struct Check {
  std::string name;
  std::function<void(Context&)> run;
  std::function<std::string(const Route&)> skip; // why, or ""
};

// The checks that one echo makes: each value comes back as it went.
template <class T>
Check echoes(const std::string& name, void (ConformanceClient::*method)(T&, const T&), std::vector<T> values) {
  return {name, [=](Context& c) {
            auto client = c.client();
            for (const T& v : values) {
              T got;
              ((*client).*method)(got, v);
              same(got, v);
            }
          }, nullptr};
}

template <class T>
Check echoes(const std::string& name, T (ConformanceClient::*method)(const T), std::vector<T> values) {
  return {name, [=](Context& c) {
            auto client = c.client();
            for (T v : values) {
              same(((*client).*method)(v), v);
            }
          }, nullptr};
}

// Fails unless f throws an E that ok takes.
template <class E>
void throws(std::function<void()> f, std::function<bool(const E&)> ok) {
  try {
    f();
  } catch (const E& e) {
    if (!ok(e)) {
      throw Failure(std::string("another exception: ") + e.what());
    }
    return;
  }
  throw Failure("no exception");
}

void throwsApplication(std::function<void()> f, TApplicationException::TApplicationExceptionType type) {
  throws<TApplicationException>(f, [=](const TApplicationException& e) { return e.getType() == type; });
}

// Checks that a connection still works.
void usable(ConformanceClient& client) {
  for (int32_t i = 0; i < 3; i++) {
    same(client.echoI32(i), i);
  }
}

std::string textOnly(const Route& route) { return route.protocol == "json" ? "JSON strings are text" : ""; }

// Calls a method that is not in the IDL.
void callUnheardOf(TProtocol& p, TMessageType type) {
  p.writeMessageBegin("unheardOf", type, 0);
  p.writeStructBegin("args");
  p.writeFieldBegin("a", T_STRING, 1);
  p.writeString("x");
  p.writeFieldEnd();
  p.writeFieldStop();
  p.writeStructEnd();
  p.writeMessageEnd();
  p.getTransport()->writeEnd();
  p.getTransport()->flush();
}

// Calls echoItem with fields that are not in the IDL, and returns the answer.
Item echoItemOfTomorrow(TProtocol& p) {
  p.writeMessageBegin("echoItem", T_CALL, 0);
  p.writeStructBegin("args");
  p.writeFieldBegin("v", T_STRUCT, 1);
  p.writeStructBegin("Item");
  p.writeFieldBegin("new", T_MAP, 100);
  p.writeMapBegin(T_STRING, T_LIST, 1);
  p.writeString("k");
  p.writeListBegin(T_BOOL, 2);
  p.writeBool(true);
  p.writeBool(false);
  p.writeListEnd();
  p.writeMapEnd();
  p.writeFieldEnd();
  p.writeFieldBegin("name", T_STRING, 1);
  p.writeString("kept");
  p.writeFieldEnd();
  p.writeFieldBegin("count", T_DOUBLE, 2); // of another type
  p.writeDouble(1.5);
  p.writeFieldEnd();
  p.writeFieldBegin("price", T_DOUBLE, 3);
  p.writeDouble(0.25);
  p.writeFieldEnd();
  p.writeFieldStop();
  p.writeStructEnd();
  p.writeFieldEnd();
  p.writeFieldBegin("more", T_I64, 7);
  p.writeI64(-1);
  p.writeFieldEnd();
  p.writeFieldStop();
  p.writeStructEnd();
  p.writeMessageEnd();
  p.getTransport()->writeEnd();
  p.getTransport()->flush();
  std::string name;
  TMessageType type;
  int32_t seq;
  p.readMessageBegin(name, type, seq);
  Conformance_echoItem_result result;
  result.read(&p);
  p.readMessageEnd();
  p.getTransport()->readEnd();
  return result.success;
}

std::vector<Check> checks(const Route& route) {
  using C = ConformanceClient;
  using I8 = std::numeric_limits<int8_t>;
  using I16 = std::numeric_limits<int16_t>;
  using I32 = std::numeric_limits<int32_t>;
  using I64 = std::numeric_limits<int64_t>;
  using Strings = std::vector<std::string>;
  std::vector<Check> all;
  auto add = [&](const std::string& name, std::function<void(Context&)> run) { all.push_back({name, run, nullptr}); };

  add("ping", [](Context& c) {
    std::string got;
    c.client()->ping(got);
    same(got, std::string("pong"));
  });
  all.push_back(echoes<bool>("echoBool", &C::echoBool, {true, false}));
  all.push_back(echoes<int8_t>("echoByte", &C::echoByte, {0, 1, -1, I8::max(), I8::min()}));
  all.push_back(echoes<int8_t>("echoI8", &C::echoI8, {0, I8::max(), I8::min()}));
  all.push_back(echoes<int16_t>("echoI16", &C::echoI16, {0, -1, I16::max(), I16::min()}));
  all.push_back(echoes<int32_t>("echoI32", &C::echoI32, {0, -1, I32::max(), I32::min()}));
  all.push_back(echoes<int64_t>("echoI64", &C::echoI64, {0, -1, (1LL << 53) + 1, I64::max(), I64::min()}));
  all.push_back(echoes<double>("echoDouble", &C::echoDouble,
                               {0.0, -0.0, 1.0, -1.5, 0.1, 5e-324, 2.2250738585072014e-308,
                                std::numeric_limits<double>::max(), inf, -inf, nan_}));
  all.push_back(echoes<std::string>("echoString", &C::echoString,
                                    {"", "a", "tab\t line\n", "quotes \" \\ /", "é", "水", "🦉 astral",
                                     "\xef\xbb\xbf", "\xef\xbf\xbf"}));
  all.push_back(
      echoes<std::string>("echoBinary", &C::echoBinary, {"", std::string(1, '\0'), "p", "pl", "pla", allBytes(256)}));
  all.push_back(echoes<Color::type>("echoColor", &C::echoColor,
                                    {Color::RED, Color::GREEN, Color::BLUE, Color::NEGATIVE, Color::type(7)}));
  all.push_back(echoes<shared::Level::type>("echoLevel", &C::echoLevel, {shared::Level::LOW, shared::Level::HIGH}));
  all.push_back(echoes<int64_t>("echoTimestamp", &C::echoTimestamp, {0, 1700000000123}));
  all.push_back(echoes<int32_t>("echoUserID", &C::echoUserID, {0, I32::min()}));
  all.push_back(echoes<std::vector<bool>>("echoBools", &C::echoBools, {{}, {true}, std::vector<bool>(300, true)}));
  all.push_back(echoes<std::vector<int32_t>>("echoInts", &C::echoInts, {{}, {0}, {I32::min(), I32::max()}}));
  all.push_back(echoes<Strings>("echoNames", &C::echoNames, {{}, {""}, {"a", "b", "a"}}));
  all.push_back(echoes<std::vector<Item>>("echoItems", &C::echoItems, {{}, {item("a", 1), item("", 0, 0.5)}}));
  all.push_back(echoes<std::vector<std::vector<int32_t>>>("echoMatrix", &C::echoMatrix,
                                                          {{}, std::vector<std::vector<int32_t>>(1), {{}, {1}, {2, 3}, {}}}));
  all.push_back(echoes<std::set<int32_t>>("echoIntSet", &C::echoIntSet, {{}, {1}, {3, 1, 2, -5}}));
  all.push_back(echoes<std::set<std::string>>("echoStringSet", &C::echoStringSet, {{}, {""}, {"b", "a", "🦉"}}));
  all.push_back(echoes<std::map<int32_t, std::string>>("echoIntToString", &C::echoIntToString,
                                                       {{}, {{0, ""}}, {{1, "one"}, {-1, "minus"}, {I32::max(), "max"}}}));
  all.push_back(echoes<std::map<std::string, std::vector<Item>>>(
      "echoStringToItems", &C::echoStringToItems, {{}, {{"", {}}}, {{"one", {item("a", 1)}}, {"two", {item("", 0), item("b", 2)}}}}));
  all.push_back(echoes<std::map<shared::Point, std::string>>("echoPointToString", &C::echoPointToString,
                                                             {{}, {{point(1, 2), "a"}, {point(2, 1), "b"}}}));
  all.push_back(echoes<std::map<std::string, std::map<int32_t, std::set<std::string>>>>(
      "echoDeep", &C::echoDeep, {{}, {{"a", {}}}, {{"a", {{1, {}}, {2, {"x", "y"}}}}, {"", {{0, {""}}}}}}));
  all.push_back(echoes<Empty>("echoEmpty", &C::echoEmpty, {Empty()}));
  all.push_back(echoes<Item>("echoItem", &C::echoItem, {item("", 0), item("a", 1, -0.0)}));
  Choice flag, nothing, at;
  flag.__set_flag(false);
  nothing.__set_nothing(Empty());
  at.__set_point(point(1, 2));
  all.push_back(echoes<Choice>("echoChoice", &C::echoChoice,
                               {number(0), choiceText("🦉"), at, many({}), many({number(1), many({flag})}), flag, nothing}));
  all.push_back(echoes<AllTypes>("echoAll", &C::echoAll, {allTypes()}));
  add("describeAll", [](Context& c) {
    AllTypes v = allTypes();
    std::string got;
    c.client()->describeAll(got, v);
    same(got, text(v));
  });
  add("describeChoice", [](Context& c) {
    std::string got;
    c.client()->describeChoice(got, many({number(1), many({choiceText("")})}));
    same(got, std::string("Choice{many=[Choice{number=1},Choice{many=[Choice{text=\"\"}]}]}"));
  });
  Check zero = echoes<std::string>("string with a NUL", &C::echoString, {std::string(1, '\0'), std::string("a\0b", 3)});
  zero.skip = [](const Route& r) { return r.protocol == "json" ? "Apache's C++ loses NUL in JSON" : ""; };
  all.push_back(zero);
  all.push_back({"string that is not UTF-8",
                 [](Context& c) {
                   for (const char* v : {"\xff", "a\xc3", "\xed\xa0\x80"}) {
                     std::string got;
                     c.client()->echoString(got, v);
                     same(got, std::string(v));
                   }
                 },
                 textOnly});
  all.push_back(echoes<std::string>("string of 1 MiB", &C::echoString, {std::string(1 << 20, 'x')}));
  all.push_back(echoes<std::string>("binary of 1 MiB", &C::echoBinary, {allBytes(1 << 20)}));
  all.push_back(echoes<std::vector<int32_t>>("large list", &C::echoInts, {std::vector<int32_t>(50000, -1)}));

  add("declaration order is not id order", [](Context& c) {
    Scrambled v, got;
    v.__set_last("z");
    v.__set_first(-1);
    v.__set_middle(0.5);
    v.zeroth = true;
    v = sent(v);
    auto client = c.client();
    client->echoScrambled(got, v);
    same(got, v);
    std::string described;
    client->describeScrambled(described, v);
    same(described, std::string("Scrambled{last=\"z\",first=-1,middle=3fe0000000000000,zeroth=true}"));
  });
  add("arguments go by declaration", [](Context& c) {
    std::string got;
    c.client()->order(got, "a", "b", "c");
    same(got, std::string("a-b-c"));
  });
  add("words of programming languages as names", [](Context& c) {
    std::string got;
    c.client()->select(got, "t", "r", "f");
    same(got, std::string("t-r-f"));
  });
  add("ids far apart", [](Context& c) {
    Sparse v, got;
    v.__set_one(1);
    v.__set_seventeen(17);
    v.__set_threeHundred("x");
    v.__set_most(true);
    c.client()->echoSparse(got, v);
    same(got == v, true);
  });
  add("optional fields absent", [](Context& c) {
    Presence v = presence(), got;
    std::string described;
    auto client = c.client();
    client->describePresence(described, v);
    same(described, text(v));
    client->echoPresence(got, v);
    same(got, v);
  });
  add("optional fields present though zero", [](Context& c) {
    Presence v = presence(), got;
    v.__set_optionalInt(0);
    v.__set_optionalString("");
    v.__set_optionalBool(false);
    v.__set_optionalDouble(0);
    v.__set_optionalBinary("");
    v.__set_optionalList({});
    v.__set_optionalSet({});
    v.__set_optionalMap({});
    v.__set_optionalPoint(point(0, 0));
    v.__set_optionalColor(Color::RED);
    std::string described;
    auto client = c.client();
    client->describePresence(described, v);
    same(described, text(v));
    client->echoPresence(got, v);
    same(got, v);
  });
  add("defaults of both sides", [](Context& c) {
    auto client = c.client();
    std::string described;
    client->describeDefaults(described, Defaults());
    same(described, std::string(defaultsText));
    Defaults got;
    client->newDefaults(got);
    same(text(got), std::string(defaultsText));
  });
  add("defaults overridden by zero", [](Context& c) {
    Defaults v, got;
    v.aBool = false;
    v.aByte = 0;
    v.anI64 = 0;
    v.aDouble = v.whole = 0;
    v.aString = v.aBinary = v.greeting = v.optionalString = "";
    v.color = Color::RED;
    v.aList.clear();
    v.aSet.clear();
    v.aMap.clear();
    v.nested.clear();
    v.point = point(0, 0);
    v.optionalInt = v.requiredInt = v.answer = 0;
    v.timestamp = 0;
    std::string described;
    auto client = c.client();
    client->describeDefaults(described, v);
    same(described, text(v));
    client->echoDefaults(got, v);
    same(got, v);
  });
  add("arguments with defaults", [](Context& c) {
    std::string got;
    c.client()->greet(got, "you", 2, shared::Level::HIGH);
    same(got, std::string("you*2@10"));
  });
  add("recursive structs", [](Context& c) {
    auto client = c.client();
    Tree leaf, branch, root, tree;
    leaf.__set_name("leaf");
    branch.__set_name("branch");
    branch.__set_children({leaf, leaf});
    root.__set_name("root");
    root.__set_children({branch});
    root.__set_named({{"", leaf}, {"b", branch}});
    client->echoTree(tree, root);
    same(tree == root, true);
    std::shared_ptr<Chain> rest;
    for (int i = 0; i < 50; i++) {
      auto next = std::make_shared<Chain>();
      next->__set_value(i);
      if (rest) {
        next->__set_rest(rest);
      }
      rest = next;
    }
    Chain chain;
    client->echoChain(chain, *rest);
    same(chain, sent(*rest));
    auto inner = std::make_shared<Company>();
    Person staff, boss, person;
    staff.__set_name("staff");
    inner->__set_name("inner");
    inner->__set_staff({staff});
    boss.__set_name("boss");
    boss.__set_employer(inner);
    client->echoPerson(person, boss);
    same(person, sent(boss));
  });
  add("included types and the service extended", [](Context& c) {
    auto client = c.client();
    shared::Point got;
    client->mirror(got, point(1, -2));
    same(got, point(-2, 1));
    client->check(true);
    throws<shared::Unavailable>([&] { client->check(false); }, [](const shared::Unavailable& e) {
      return e.reason == "not ok" && e.__isset.retryAfterMs && e.retryAfterMs == 250;
    });
    usable(*client);
  });
  add("declared exceptions", [](Context& c) {
    auto client = c.client();
    same(client->divide(-7, 2), -3);
    throws<DivisionByZero>([&] { client->divide(7, 0); }, [](const DivisionByZero& e) { return e.dividend == 7; });
    throws<InvalidInput>([&] { client->divide(7, -2); }, [](const InvalidInput& e) {
      return e.field == "b" && e.code == -1 && e.hints == Strings{"b >= 0", "try again"};
    });
    throws<DivisionByZero>([&] { client->fail("zero"); }, [](const DivisionByZero& e) { return e.dividend == 7; });
    throws<InvalidInput>([&] { client->fail("invalid"); },
                         [](const InvalidInput& e) { return e.field == "kind" && e.code == 3 && e.hints.empty(); });
    throws<shared::Unavailable>([&] { client->fail("unavailable"); }, [](const shared::Unavailable& e) {
      return e.reason == "closed" && !e.__isset.retryAfterMs;
    });
    client->fail("not at all");
    usable(*client);
  });
  add("application exception", [](Context& c) {
    auto client = c.client();
    throws<TApplicationException>([&] { client->fail("application"); }, [](const TApplicationException& e) {
      return e.getType() == TApplicationException::PROTOCOL_ERROR && e.what() == std::string("as asked");
    });
    usable(*client);
  });
  add("undeclared error", [](Context& c) {
    auto client = c.client();
    throwsApplication([&] { client->fail("undeclared"); }, TApplicationException::INTERNAL_ERROR);
    usable(*client);
  });
  add("no result", [](Context& c) {
    auto client = c.client();
    shared::Point p;
    throwsApplication([&] { client->absent(p); }, TApplicationException::MISSING_RESULT);
    usable(*client);
  });
  add("unknown method", [](Context& c) {
    auto client = c.client();
    for (int i = 0; i < 3; i++) {
      callUnheardOf(*client->getOutputProtocol(), T_CALL);
      shared::Point p;
      throwsApplication([&] { client->recv_absent(p); }, TApplicationException::UNKNOWN_METHOD);
      usable(*client);
    }
  });
  all.push_back({"unknown oneway method",
                 [](Context& c) {
                   auto client = c.client();
                   callUnheardOf(*client->getOutputProtocol(), T_ONEWAY);
                   usable(*client);
                 },
                 // Its HTTP client reads the answer of a oneway call as that of the next one.
                 [](const Route& r) { return r.transport == "http" ? "Apache's C++ leaves the HTTP response of a oneway call unread" : ""; }});
  add("unknown fields, and a field of another type", [](Context& c) {
    auto client = c.client();
    Item got = echoItemOfTomorrow(*client->getOutputProtocol());
    same(got.name, std::string("kept"));
    same(got.price, 0.25);
    same(got.count, 0);
    usable(*client);
  });
  all.push_back({"oneway",
                 [](Context& c) {
                   auto client = c.client();
                   std::string token = c.route.name() + std::to_string(getpid());
                   for (int i = 0; i < 10; i++) {
                     client->notify(token);
                   }
                   usable(*client);
                   for (int i = 0; i < 1000 && client->notified(token) < 10; i++) {
                     std::this_thread::sleep_for(std::chrono::milliseconds(10));
                   }
                   same(client->notified(token), 10);
                 },
                 [](const Route& r) { return r.transport == "http" ? "Apache's C++ leaves the HTTP response of a oneway call unread" : ""; }});
  add("many calls on one connection", [](Context& c) {
    auto client = c.client();
    for (int32_t i = 0; i < 500; i++) {
      same(client->echoI32(i), i);
      if (i % 10 == 0) {
        throws<DivisionByZero>([&] { client->divide(i, 0); }, [i](const DivisionByZero& e) { return e.dividend == i; });
      }
    }
  });
  add("several clients at once", [](Context& c) {
    std::vector<std::string> failures(8);
    std::vector<std::thread> threads;
    for (size_t n = 0; n < failures.size(); n++) {
      threads.emplace_back([&, n] {
        try {
          auto client = c.client();
          for (int i = 0; i < 25; i++) {
            std::string v = std::to_string(n) + "/" + std::to_string(i), got;
            client->echoString(got, v);
            same(got, v);
          }
        } catch (const std::exception& e) {
          failures[n] = e.what();
        }
      });
    }
    for (auto& t : threads) {
      t.join();
    }
    for (const auto& f : failures) {
      same(f, std::string());
    }
  });
  if (route.socket == "mux") {
    add("another service on the same connection", [](Context& c) {
      auto protocol = c.connect();
      auto client = c.client(protocol);
      shared::BaseClient base(std::make_shared<TMultiplexedProtocol>(protocol, "Base"));
      for (int i = 0; i < 3; i++) {
        std::string got;
        base.ping(got);
        same(got, std::string("pong"));
        usable(*client);
      }
    });
  }
  return all;
}

std::string oneLine(std::string s) {
  std::replace(s.begin(), s.end(), '\n', ' ');
  return s;
}

} // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  GlobalOutput.setOutputFunction([](const char*) {});
  std::string dir = argc > 2 ? argv[2] : "";
  auto tls = std::make_shared<TSSLSocketFactory>(TLSv1_2);
  tls->loadTrustedCertificates((dir + "/ca.pem").c_str());
  tls->loadCertificate((dir + "/client.pem").c_str());
  tls->loadPrivateKey((dir + "/client.key").c_str());
  tls->authenticate(true);

  int ok = 0, failed = 0, skipped = 0;
  for (int i = 3; i < argc; i++) {
    std::string arg = argv[i];
    size_t equals = arg.find('=');
    std::string name = arg.substr(0, equals);
    Context context(Route::parse(name), arg.substr(equals + 1), tls);
    for (const Check& check : checks(context.route)) {
      std::string why = check.skip ? check.skip(context.route) : "";
      std::string verdict = "ok", detail;
      if (!why.empty()) {
        verdict = "skip";
        detail = ": " + why;
        skipped++;
      } else {
        try {
          check.run(context);
          ok++;
        } catch (const std::exception& e) {
          verdict = "FAIL";
          detail = std::string(": ") + e.what();
          failed++;
        }
      }
      std::cout << name << " " << verdict << " " << check.name << oneLine(detail) << std::endl;
    }
  }
  std::cout << "done " << ok << " ok, " << failed << " failed, " << skipped << " skipped" << std::endl;
  _exit(failed > 0);
}
