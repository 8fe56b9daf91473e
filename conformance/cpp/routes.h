// The ways to talk that Apache Thrift's C++ library has.
#pragma once

#include <string>
#include <vector>

struct Route {
  std::string protocol;  // binary, compact, json
  std::string transport; // buffered, framed, zlib, http, header
  std::string socket;    // tcp, tls, unix; mux is tcp, multiplexed

  std::string name() const { return protocol + "/" + transport + "/" + socket; }

  // Its THeaderProtocol has no JSON.
  static std::vector<Route> all() {
    std::vector<Route> routes;
    for (const char* protocol : {"binary", "compact", "json"}) {
      for (const char* transport : {"buffered", "framed", "zlib", "http", "header"}) {
        if (protocol == std::string("json") && transport == std::string("header")) {
          continue;
        }
        for (const char* socket : {"tcp", "tls", "unix"}) {
          routes.push_back({protocol, transport, socket});
        }
      }
    }
    routes.push_back({"binary", "buffered", "mux"});
    return routes;
  }

  // Reads what name returns.
  static Route parse(const std::string& name) {
    size_t first = name.find('/'), second = name.rfind('/');
    return {name.substr(0, first), name.substr(first + 1, second - first - 1), name.substr(second + 1)};
  }
};
