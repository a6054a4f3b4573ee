/* links: vm-vnc/doors.c vm-vnc/meeting.c vm-vnc/policy.c vm-vnc/peer.c vm-vnc/throttle.c vm-vnc/names.c vm-vnc/users.c vm-vnc/vncauth.c vm-vnc/secret_file.c vm-vnc/tls.c vm-vnc/stream.c vm-vnc/ws_frame.c vm-vnc/http_request.c vm-vnc/web.c vm-vnc/web_file.c vm-vnc/web_upgrade.c vm-vnc/hello.c vm-vnc/hello_sasl.c vm-vnc/vencrypt.c vm-vnc/ask.c vm-vnc/clerk.c vm-vnc/clerk_run.c vm-vnc/clerk_sasl.c vm-vnc/gate.c vm-vnc/pump.c */
/* SPDX-License-Identifier: ISC */
/* Parts of vm-vnc's front that need no connection: limits in time, names, addresses of listeners, users, a VNC password. */
#include <string.h>

#include "tests/unit/tap.h"
#include "vm-vnc/doors.h"
#include "vm-vnc/names.h"
#include "vm-vnc/peer.h"
#include "vm-vnc/throttle.h"
#include "vm-vnc/users.h"
#include "vm-vnc/vncauth.h"

static union address
host(const char *word)
{
	union address a;

	if (!address_parse_host(&a, word))
		printf("Bail out! %s\n", word);
	return a;
}

static void
test_failures(void)
{
	struct throttle *t = throttle_new();
	union address bad = host("192.0.2.1"), good = host("192.0.2.2");
	int64_t now = 1000, wait = THROTTLE_WAIT;

	for (int i = 1; i < THROTTLE_FAILURES; i++)
		throttle_failed(t, &bad, now);
	ok(throttle_begin(t, &bad, now) >= 0, "who was wrong four times is met");
	throttle_failed(t, &bad, now);
	ok(throttle_begin(t, &bad, now) < 0, "five times, and he is not");
	ok(throttle_begin(t, &good, now) >= 0, "others are");
	for (int i = 0; i < 8; i++) {
		ok(throttle_begin(t, &bad, now + wait - 1) < 0, "he waits %lld ms", (long long)wait);
		now += wait;
		ok(throttle_begin(t, &bad, now) >= 0, "and no longer");
		throttle_failed(t, &bad, now);
		wait = wait < THROTTLE_WAIT_MAX ? 2 * wait : wait;
	}
	throttle_passed(t, &bad);
	ok(throttle_begin(t, &bad, now) >= 0, "once right, he has no past");
	throttle_forget(t);
}

static void
test_addresses_that_count_as_one(void)
{
	struct throttle *t = throttle_new();
	union address a = host("[2001:db8::1]"), neighbour = host("[2001:db8::2]"), other = host("[2001:db8:0:1::1]");
	union address path = {.un.sun_family = AF_UNIX};

	for (int i = 0; i < THROTTLE_FAILURES; i++) {
		throttle_failed(t, &a, 1000);
		throttle_failed(t, &path, 1000);
	}
	ok(throttle_begin(t, &neighbour, 1000) < 0, "a network of 64 bits is one address");
	ok(throttle_begin(t, &other, 1000) >= 0, "the next is another");
	ok(throttle_begin(t, &path, 1000) >= 0, "a Unix socket has no address to be remembered");
	throttle_forget(t);
}

static void
test_meetings(void)
{
	struct throttle *t = throttle_new();
	union address a = host("192.0.2.1"), b = host("192.0.2.2"), path = {.un.sun_family = AF_UNIX};
	int first = throttle_begin(t, &a, 1000), n;

	for (n = 1; throttle_begin(t, &a, 1000) >= 0; n++)
		;
	ok(n == THROTTLE_ONE, "of one address %d at once", n);
	ok(throttle_begin(t, &b, 1000) >= 0, "and of another");
	throttle_end(t, first);
	ok(throttle_begin(t, &a, 1000) >= 0, "when one has ended there is room for one");
	ok(throttle_begin(t, &a, 1000) < 0, "and for no more");
	ok(throttle_begin(t, &a, 1000 + THROTTLE_MEETING) >= 0, "one that never ended is over some time");
	throttle_forget(t);

	t = throttle_new();
	for (n = 0; n < 1000; n++) {
		a.in.sin_addr.s_addr = htonl(0x0a000000 + (uint32_t)n);
		if (throttle_begin(t, &a, 1000) < 0)
			break;
	}
	ok(n == THROTTLE_FAR, "with other hosts %d", n);
	a = host("127.0.0.1");
	ok(throttle_begin(t, &a, 1000) >= 0, "there is room for this one then");
	throttle_forget(t);

	t = throttle_new();
	for (n = 0; throttle_begin(t, &path, 1000) >= 0; n++)
		;
	ok(n == THROTTLE_ALL, "%d in all", n);
	throttle_forget(t);
}

/* A storm of addresses does not push out the one that failed last. */
static void
test_many_addresses(void)
{
	struct throttle *t = throttle_new();
	union address a = host("10.0.0.0"), last = host("192.0.2.1");

	for (unsigned i = 0; i < 3 * THROTTLE_ADDRESSES; i++) {
		a.in.sin_addr.s_addr = htonl(0x0a000000 + i);
		throttle_failed(t, &a, 1000 + i);
	}
	for (int i = 0; i < THROTTLE_FAILURES; i++)
		throttle_failed(t, &last, 5000);
	ok(throttle_begin(t, &last, 5000) < 0, "more addresses than are remembered: the oldest is forgotten");
	throttle_forget(t);
}

static void
test_names(void)
{
	static const struct {
		const char *word, *name;
		bool want;
	} cases[] = {
		{ "cn:alice", "cn:alice", true },
		{ "cn:alice", "cn:alice2", false },
		{ "cn:alice", "user:alice", false },
		{ "cn:alice", "cn:Alice", false },
		{ "email:*@example.org", "email:bob@example.org", true },
		{ "email:*@example.org", "email:bob@example.org.evil", false },
		{ "dn:CN=a*,O=x", "dn:CN=abc,O=y,O=x", true },
		{ "cn:*", "cn:", true },
		{ "cn:a*b*c", "cn:a-b-b-c", true },
		{ "cn:a*b*c", "cn:a-c-b", false },
		{ "cn:*", "cnx", false },
		{ "cn:a[b]", "cn:a[b]", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct names l = {.n = 0};

		is(names_add(&l, cases[i].word), NULL, cases[i].word);
		ok(names_has(&l, cases[i].name) == cases[i].want, "  %s %s", cases[i].want ? "has" : "has not", cases[i].name);
	}
}

static void
test_listeners(void)
{
	static const struct {
		const char *word, *display, *port; /* NULL: refused */
	} cases[] = {
		{ "1", "127.0.0.1:5901", "127.0.0.1:1" },
		{ ":0", "127.0.0.1:5900", NULL },
		{ "99", "127.0.0.1:5999", "127.0.0.1:99" },
		{ "100", "127.0.0.1:100", "127.0.0.1:100" },
		{ "localhost:5901", "127.0.0.1:5901", "127.0.0.1:5901" },
		{ "*:1", "0.0.0.0:5901", "0.0.0.0:1" },
		{ "[::1]:1", "[::1]:5901", "[::1]:1" },
		{ "[::]:6080", "[::]:6080", "[::]:6080" },
		{ "192.0.2.1:65535", "192.0.2.1:65535", "192.0.2.1:65535" },
		{ "192.0.2.1:65536", NULL, NULL },
		{ "::1:1", NULL, NULL },
		{ "host:1", NULL, NULL },
		{ "", NULL, NULL },
		{ ":", NULL, NULL },
		{ "-1", NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (int display = 0; display < 2; display++) {
			char text[ADDRESS_TEXT_MAX];
			union address a;
			const char *why;
			bool good = doors_parse(&a, cases[i].word, display, &why);

			if (good)
				address_format(&a, text, sizeof(text));
			is(good ? text : NULL, display ? cases[i].display : cases[i].port, cases[i].word);
		}
	}
}

static void
test_peers(void)
{
	static const char *const local[] = {"127.0.0.1", "127.255.0.9", "[::1]", "[::ffff:127.0.0.1]"};
	static const char *const far[] = {"192.0.2.1", "128.0.0.1", "[2001:db8::1]", "[::ffff:192.0.2.1]", "[::]", "*"};
	union address a;

	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++) {
		a = host(local[i]);
		ok(peer_is_local(&a), "%s is this host", local[i]);
	}
	for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++) {
		a = host(far[i]);
		ok(!peer_is_local(&a), "%s is not", far[i]);
	}
	a = host("[::ffff:192.0.2.1]");
	a = peer_plain(&a);
	ok(a.sa.sa_family == AF_INET && a.in.sin_addr.s_addr == htonl(0xc0000201), "IPv4 in IPv6 is IPv4");
}

/* Hashes of "one" and "two", by openssl passwd -6 -salt. */
static void
test_users(void)
{
	char text[] = "# who\n\n"
		"ann:$6$abc$Dal2Wal8PBXnP9TSlBUUSs1fdn0rkLXibXIGu95fQVQrhYh5wWJlVKhukxKKb.H0cYDUrAWJZTGnMuDhmELC7/\n"
		"joe:$5$abc$184Bz5XYFF78s5Cq90z5Pjs8bEdviLbYVdtEPOEQoz/:view\n";
	char bad[] = "ann:$6$x:view\njoe:$6$x:more\n";
	struct users u;
	unsigned line;
	bool view;

	is(users_parse(&u, text, &line), NULL, "a file of users");
	ok(u.n == 2 && u.list[1].view && !u.list[0].view, "two of them");
	ok(users_right(&u, "ann", "one", &view) && !view, "a right password");
	ok(users_right(&u, "joe", "two", &view) && view, "of one who may only look");
	ok(!users_right(&u, "ann", "two", &view), "a wrong password");
	ok(!users_right(&u, "nobody", "one", &view), "a wrong name");
	is(users_parse(&u, bad, &line), "behind the hash there is something other than view", "what follows a hash");
	ok(line == 2, "and where");
}

/* By `openssl enc -des-ecb -nopad -K 8000000000000000`: the letter is 01 the other way round. */
static void
test_vncauth(void)
{
	const uint8_t challenge[VNCAUTH_BYTES] = {0}, want[8] = {0x95, 0xa8, 0xd7, 0x28, 0x13, 0xda, 0xa9, 0x4d};
	uint8_t got[VNCAUTH_BYTES];

	vncauth_answer("\x01", challenge, got);
	ok(!memcmp(got, want, 8) && !memcmp(got + 8, want, 8), "the key's bits are turned round");
	vncauth_answer("12345678", challenge, got);
	ok(vncauth_right("12345678 and more", challenge, got), "what is behind eight characters counts not");
	ok(!vncauth_right("1234567", challenge, got), "what is before does");
}

int
main(void)
{
	test_failures();
	test_addresses_that_count_as_one();
	test_meetings();
	test_many_addresses();
	test_names();
	test_listeners();
	test_peers();
	test_users();
	test_vncauth();
	return tap_done();
}
