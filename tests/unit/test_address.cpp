#include <doctest/doctest.h>

#include "src/base/address.h"

using track_usage::Address;
using track_usage::Network;

TEST_CASE("address: what is none, and what is one in another form") {
  for (const char* text :
       {"", "client.example", "192.0.2.300", "192.0.2", "1::2::3", "192.0.2.1%eth0", "[::1]", "1.2.3.4:80"}) {
    CAPTURE(text);
    CHECK(!Address(text).is_ip());
    CHECK(Address(text).text().empty());
  }
  CHECK(Address("2001:DB8:0:0::1").text() == "2001:db8::1");
  CHECK(Address("fe80::1%eth0").text() == "fe80::1");
  CHECK(Address("::ffff:192.0.2.9") == Address("192.0.2.9"));
}

TEST_CASE("address: masks keep the first bits") {
  CHECK(Address("192.0.2.255").masked(24).text() == "192.0.2.0");
  CHECK(Address("192.0.2.255").masked(31).text() == "192.0.2.254");
  CHECK(Address("192.0.2.255").masked(0).text() == "0.0.0.0");
  CHECK(Address("2001:db8:1:2:3:4:5:6").masked(64).text() == "2001:db8:1:2::");
  CHECK(Address("2001:db8:1:2:3:4:5:6").masked(47).text() == "2001:db8::");
}

TEST_CASE("address: only hosts of the Internet are global") {
  for (const char* text : {"8.8.8.8", "1.1.1.1", "100.63.255.255", "172.32.0.1", "192.167.1.1", "223.255.255.255",
                           "2600::1", "2a00:1450::5"}) {
    CAPTURE(text);
    CHECK(Address(text).is_global());
  }
  for (const char* text :
       {"client.example",  "10.1.2.3",    "100.64.0.1",  "127.0.0.1",    "169.254.1.1", "172.31.255.255",
        "192.0.2.1",       "192.168.0.1", "198.19.0.1",  "198.51.100.7", "203.0.113.7", "224.0.0.1",
        "255.255.255.255", "0.0.0.0",     "::",          "::1",          "fe80::1",     "fc00::1",
        "fd12::1",         "ff02::1",     "2001:db8::1", "2002::1",      "3fff::1",     "::ffff:10.0.0.1",
        "64:ff9b::1"}) {
    CAPTURE(text);
    CHECK(!Address(text).is_global());
  }
}

TEST_CASE("network: holds its addresses, in either family's notation") {
  const auto holds = [](const char* network, const char* address) {
    return Network::parse(network)->holds(Address(address));
  };
  CHECK(holds("10.0.0.0/8", "10.255.0.1"));
  CHECK(!holds("10.0.0.0/8", "11.0.0.1"));
  CHECK(holds("192.0.2.77/26", "192.0.2.64"));
  CHECK(!holds("192.0.2.77/26", "192.0.2.63"));
  CHECK(holds("::ffff:10.0.0.0/104", "10.1.1.1"));
  CHECK(holds("0.0.0.0/0", "203.0.113.9"));
  CHECK(!holds("0.0.0.0/0", "2001:db8::1"));
  CHECK(holds("2001:db8::/32", "2001:db8:ffff::1"));
  CHECK(holds("[2001:db8::1]", "2001:db8::1"));
  for (const char* text : {"", "a.example", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "::ffff:10.0.0.0/8"}) {
    CAPTURE(text);
    CHECK(!Network::parse(text));
  }
}
