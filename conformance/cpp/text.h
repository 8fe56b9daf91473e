// The text form of values that conformance.thrift defines.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "Conformance.h"

namespace conformance {
namespace shared {

// The generated code declares it, uses it, and leaves it to its users. Each program has this file once.
bool Point::operator<(const Point& o) const { return x != o.x ? x < o.x : y < o.y; }

} // namespace shared

inline std::string hex(const std::string& bytes) {
  static const char digits[] = "0123456789abcdef";
  std::string s;
  for (unsigned char c : bytes) {
    s += digits[c >> 4];
    s += digits[c & 15];
  }
  return s;
}

inline std::string binaryText(const std::string& v) { return "x'" + hex(v) + "'"; }

inline std::string joined(const std::string& open, const std::vector<std::string>& parts, const std::string& close) {
  std::string s = open;
  for (size_t i = 0; i < parts.size(); i++) {
    s += (i ? "," : "") + parts[i];
  }
  return s + close;
}

// Collects the fields of a struct that are present.
class Fields {
public:
  explicit Fields(const std::string& name) : name_(name) {}
  Fields& add(bool present, const std::string& field, const std::string& text) {
    if (present) {
      parts_.push_back(field + "=" + text);
    }
    return *this;
  }
  std::string text() const { return joined(name_ + "{", parts_, "}"); }

private:
  std::string name_;
  std::vector<std::string> parts_;
};

inline std::string text(bool v) { return v ? "true" : "false"; }
inline std::string text(int8_t v) { return std::to_string(v); }
inline std::string text(int16_t v) { return std::to_string(v); }
inline std::string text(int32_t v) { return std::to_string(v); }
inline std::string text(int64_t v) { return std::to_string(v); }
inline std::string text(Color::type v) { return std::to_string(int(v)); }
inline std::string text(shared::Level::type v) { return std::to_string(int(v)); }

inline std::string text(double v) {
  if (v != v) {
    return "nan";
  }
  uint64_t bits;
  std::memcpy(&bits, &v, sizeof bits);
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes += char(bits >> shift);
  }
  return hex(bytes);
}

inline std::string text(const std::string& v) {
  std::string s = "\"";
  for (char c : v) {
    if (c == '"' || c == '\\') {
      s += '\\';
    }
    s += c;
  }
  return s + "\"";
}

inline std::string text(const shared::Point& v) {
  return Fields("Point").add(true, "x", text(v.x)).add(true, "y", text(v.y)).text();
}
inline std::string text(const Empty&) { return "Empty{}"; }
inline std::string text(const Item& v) {
  return Fields("Item")
      .add(v.__isset.name, "name", text(v.name))
      .add(v.__isset.count, "count", text(v.count))
      .add(v.__isset.price, "price", text(v.price))
      .text();
}
inline std::string text(const Choice& v);

template <class T, class F>
std::string listText(const std::vector<T>& v, F f) {
  std::vector<std::string> parts;
  for (const auto& e : v) {
    parts.push_back(f(e));
  }
  return joined("[", parts, "]");
}

template <class T>
std::string text(const std::vector<T>& v) {
  return listText(v, [](const T& e) { return text(e); });
}

template <class T>
std::string text(const std::set<T>& v) {
  std::vector<std::string> parts;
  for (const T& e : v) {
    parts.push_back(text(e));
  }
  std::sort(parts.begin(), parts.end());
  return joined("{", parts, "}");
}

template <class K, class V, class F>
std::string mapText(const std::map<K, V>& v, F f) {
  std::map<std::string, std::string> sorted;
  for (const auto& e : v) {
    sorted[text(e.first)] = f(e.second);
  }
  std::vector<std::string> parts;
  for (const auto& e : sorted) {
    parts.push_back(e.first + ":" + e.second);
  }
  return joined("{", parts, "}");
}

template <class K, class V>
std::string text(const std::map<K, V>& v) {
  return mapText(v, [](const V& e) { return text(e); });
}

inline std::string text(const Choice& v) {
  return Fields("Choice")
      .add(v.__isset.number, "number", text(v.number))
      .add(v.__isset.text, "text", text(v.text))
      .add(v.__isset.point, "point", text(v.point))
      .add(v.__isset.many, "many", text(v.many))
      .add(v.__isset.flag, "flag", text(v.flag))
      .add(v.__isset.nothing, "nothing", text(v.nothing))
      .text();
}

inline std::string text(const Scrambled& v) {
  return Fields("Scrambled")
      .add(v.__isset.last, "last", text(v.last))
      .add(v.__isset.first, "first", text(v.first))
      .add(v.__isset.middle, "middle", text(v.middle))
      .add(true, "zeroth", text(v.zeroth))
      .text();
}

inline std::string text(const Chain& v) {
  return Fields("Chain")
      .add(v.__isset.value, "value", text(v.value))
      .add(v.__isset.rest, "rest", v.rest ? text(*v.rest) : "")
      .text();
}

inline std::string text(const Person& v);

inline std::string text(const Company& v) {
  return Fields("Company")
      .add(v.__isset.name, "name", text(v.name))
      .add(v.__isset.staff, "staff", listText(v.staff, [](const Person& p) { return text(p); }))
      .text();
}

inline std::string text(const Person& v) {
  return Fields("Person")
      .add(v.__isset.name, "name", text(v.name))
      .add(v.__isset.employer, "employer", v.employer ? text(*v.employer) : "")
      .text();
}

// F adds a field of v that is not binary, R one that is required.
#define F(name) .add(v.__isset.name, #name, text(v.name))
#define R(name) .add(true, #name, text(v.name))

inline std::string text(const Presence& v) {
  return Fields("Presence")
      R(requiredInt) F(plainInt) F(optionalInt) R(requiredString) F(plainString) F(optionalString) F(optionalBool)
      F(optionalDouble).add(v.__isset.optionalBinary, "optionalBinary", binaryText(v.optionalBinary)) F(optionalList)
      F(optionalSet) F(optionalMap) F(optionalPoint) F(optionalColor) F(plainList) F(plainPoint).text();
}

inline std::string text(const Defaults& v) {
  return Fields("Defaults")
      F(aBool) F(aByte) F(anI16) F(anI32) F(anI64) F(aDouble) F(aString)
      .add(v.__isset.aBinary, "aBinary", binaryText(v.aBinary)) F(color) F(level) F(aList) F(aSet) F(aMap) F(nested)
      F(point) F(answer) F(greeting) F(optionalInt) F(optionalString) R(requiredInt) F(withoutDefault) F(whole)
      F(timestamp).text();
}

inline std::string text(const AllTypes& v) {
  using Binaries = std::vector<std::string>;
  auto binaries = [](const Binaries& b) { return listText(b, binaryText); };
  auto deeper = [&](const std::map<std::string, std::vector<Binaries>>& m) {
    return mapText(m, [&](const std::vector<Binaries>& l) { return listText(l, binaries); });
  };
  return Fields("AllTypes")
      F(aBool) F(aByte) F(anI8) F(anI16) F(anI32) F(anI64) F(aDouble) F(aString)
      .add(v.__isset.aBinary, "aBinary", binaryText(v.aBinary)) F(color) F(level) F(timestamp) F(user) F(item)
      F(choice) F(bools) F(bytes) F(shorts) F(ints) F(longs) F(doubles) F(strings)
      .add(v.__isset.binaries, "binaries", binaries(v.binaries)) F(colors) F(items) F(matrix) F(intSet) F(stringSet)
      F(pointSet) F(intToString) F(stringToLong) F(boolToByte) F(colorToItem) F(stringToItems) F(pointToString) F(deep)
      .add(v.__isset.deeper, "deeper", listText(v.deeper, deeper)) F(names) F(groups) F(empty).text();
}

#undef F
#undef R

} // namespace conformance
