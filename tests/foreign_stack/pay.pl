# The payment provider. POST /charges {id, amount} charges an order (idempotent by id); GET /charges
# returns all charges, oldest first, in pages; GET /health answers 200.
# One process, one thread, one request per connection. A charge is on disk before it is confirmed.
# Needs Perl 5.14 or newer and nothing else.
use strict;
use warnings;
use IO::Handle;
use IO::Select;
use IO::Socket::INET;
use JSON::PP;

my $PAGE = 100;
my $json = JSON::PP->new->utf8->canonical;
my (@charges, %charged);

sub charge {
    my ($order) = @_;
    my $id = $order->{id};
    return (400, {error => "id and amount are needed"}) unless defined $id && defined $order->{amount};
    return (200, {id => $id, status => "charged", again => JSON::PP::true}) if $charged{$id};
    my $charge = {id => $id, amount => $order->{amount}, number => scalar(@charges) + 1};
    print {*LEDGER} $json->encode($charge), "\n" or die "ledger: $!";
    push @charges, $charge;
    $charged{$id} = 1;
    return (201, {id => $id, status => "charged"});
}

sub page {
    my ($after) = @_;
    my $last = $after + $PAGE < @charges ? $after + $PAGE : scalar @charges;
    my $next = $last < @charges ? "/charges?after=$last" : undef;
    return (200, {items => [@charges[$after .. $last - 1]], next => $next});
}

sub answer {
    my ($head, $body) = @_;
    my ($method, $target) = $head =~ m{^(\S+) (\S+) HTTP/1} or return (400, {error => "no HTTP"});
    return (200, {status => "ok"}) if $method eq "GET" && $target eq "/health";
    return page($1 // 0) if $method eq "GET" && $target =~ m{^/charges(?:\?after=(\d+))?$};
    if ($method eq "POST" && $target eq "/charges") {
        my $order = eval { $json->decode($body) };
        return ref $order eq "HASH" ? charge($order) : (400, {error => "no JSON object"});
    }
    return (404, {error => "no such path"});
}

# Return head and body of the request in $data; an empty list while it is incomplete.
sub request {
    my ($data) = @_;
    my ($head, $body) = $data =~ m{\A(.*?\r?\n)\r?\n(.*)\z}s or return;
    my $length = $head =~ m{^Content-Length:\s*(\d+)}mi ? $1 : 0;
    return length $body >= $length ? ($head, substr($body, 0, $length)) : ();
}

my $path = $ENV{LEDGER} or die "LEDGER is not set\n";
if (open my $old, "<", $path) {
    while (my $line = <$old>) {
        my $charge = eval { $json->decode($line) } or next;    # a line cut short by a kill was never confirmed
        push @charges, $charge;
        $charged{$charge->{id}} = 1;
    }
}
open LEDGER, ">>", $path or die "$path: $!\n";
LEDGER->autoflush(1);
STDOUT->autoflush(1);
$SIG{PIPE} = "IGNORE";

my $server = IO::Socket::INET->new(
    LocalAddr => $ENV{LISTEN}, Listen => 128, ReuseAddr => 1, Proto => "tcp"
) or die "$ENV{LISTEN}: $@\n";
my $select = IO::Select->new($server);
my %data;
print $json->encode({event => "open", charges => scalar @charges}), "\n";

while (my @ready = $select->can_read) {
    for my $socket (@ready) {
        if ($socket == $server) {
            my $client = $server->accept or next;
            $select->add($client);
            $data{$client} = "";
            next;
        }
        my $read = sysread $socket, my $chunk, 65536;
        $data{$socket} .= $chunk if $read;
        my ($head, $body) = request($data{$socket});
        if (defined $head) {
            my ($status, $answer) = answer($head, $body);
            my $text = $json->encode($answer);
            print {$socket} "HTTP/1.1 $status Answer\r\nContent-Type: application/json\r\n",
                "Content-Length: ", length $text, "\r\nConnection: close\r\n\r\n", $text;
        }
        if (!$read || defined $head) {
            $select->remove($socket);
            delete $data{$socket};
            close $socket;
        }
    }
}
