#!/usr/bin/perl
# make_mmdb.pl SHAPE FILE: a small database of documentation networks in one of
# the shapes that are met: nested (MaxMind), flat (ip-location-db), asn (no countries).
use strict;
use warnings;
use MaxMind::DB::Writer::Tree;

my ($shape, $file) = @ARGV;
my %types = (
  country => 'map', registered_country => 'map', names => 'map', iso_code => 'utf8_string', en => 'utf8_string',
  de => 'utf8_string', location => 'map', latitude => 'double', accuracy_radius => 'uint16', is_in_european_union => 'boolean',
  country_code => 'utf8_string', autonomous_system_number => 'uint32', autonomous_system_organization => 'utf8_string',
);
my $tree = MaxMind::DB::Writer::Tree->new(
  ip_version => 6, record_size => 24, database_type => "Test-$shape", languages => ['en', 'de'],
  description => { en => 'documentation networks' }, map_key_type_callback => sub { $types{ $_[0] } },
  remove_reserved_networks => 0,
);

sub nested {
  my ($code, $en, $de) = @_;
  return {
    country => { iso_code => $code, names => { de => $de, en => $en }, is_in_european_union => $code eq 'US' ? 0 : 1 },
    location => { latitude => 51.5, accuracy_radius => 100 },
  };
}

my @networks = (
  [ '192.0.2.0/25', 'DE', 'Germany', 'Deutschland' ],
  [ '198.51.100.0/24', 'US', 'United States', 'USA' ],
  [ '2001:db8::/32', 'FR', 'France', 'Frankreich' ],
);
for (@networks) {
  my ($network, $code, @names) = @$_;
  $tree->insert_network($network, nested($code, @names)) if $shape eq 'nested';
  $tree->insert_network($network, { country_code => $code }) if $shape eq 'flat';
  $tree->insert_network($network, { autonomous_system_number => 64496, autonomous_system_organization => "AS of $code" })
    if $shape eq 'asn';
}
# Known by its registration only, with a name that is no fit text; and one that is too large to be kept.
if ($shape eq 'nested') {
  $tree->insert_network('203.0.113.0/25', { registered_country => { iso_code => 'NL', names => { en => "Nether\x{1}\"lands" } } });
  $tree->insert_network('203.0.113.128/25', { country => { iso_code => 'AT' }, autonomous_system_organization => 'x' x 5000 });
}
open my $out, '>:raw', $file or die "$file: $!";
$tree->write_tree($out);
