/* links: vm-vnc/clerk.c vm-vnc/clerk_sasl.c vm-vnc/ask.c vm-vnc/throttle.c vm-vnc/peer.c vm-vnc/names.c vm-vnc/users.c vm-vnc/vncauth.c */
/* SPDX-License-Identifier: ISC */
/* The clerk before a gate that somebody else has taken over: it may say anything, and lets nobody in who has proved nothing. */
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "vm-vnc/clerk.h"

static int sock;
static pid_t clerk;

static void
hire(const struct policy *f)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv) < 0 || (clerk = fork()) < 0)
		printf("Bail out! no clerk\n");
	sock = sv[0];
	if (!clerk) {
		struct clerk c = {.f = f, .sock = sv[1], .from.sa.sa_family = AF_UNIX};

		close(sv[0]);
		_exit(clerk_serve(&c));
	}
	close(sv[1]);
}

/* Whether he let somebody in. */
static bool
dismiss(void)
{
	int status = 0;

	close(sock);
	waitpid(clerk, &status, 0);
	return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

static bool
says_yes(enum ask_kind kind, const void *data, size_t len)
{
	static struct ask_message m;
	size_t n;

	return ask(sock, kind, data, len, &m, &n, NULL) == ASK_YES;
}

static bool
admits(void)
{
	const struct ask_admit a = {.minor = 8, .how = "lies"};

	return says_yes(ASK_ADMIT, &a, sizeof(a));
}

static void
test_password(struct policy f)
{
	uint8_t answer[VNCAUTH_BYTES] = {0};
	static struct ask_message m;
	size_t n;

	f.vnc = true;
	memcpy(f.password, "secret", 7);
	hire(&f);
	ok(!admits(), "nothing proved: not let in");
	ok(!says_yes(ASK_RESPONSE, answer, sizeof(answer)), "an answer to nothing");
	ok(ask(sock, ASK_CHALLENGE, NULL, 0, &m, &n, NULL) == ASK_YES && n == VNCAUTH_BYTES, "a challenge");
	ok(!says_yes(ASK_CHALLENGE, NULL, 0), "one at a time");
	ok(!says_yes(ASK_RESPONSE, answer, sizeof(answer)), "a wrong answer");
	vncauth_answer("secret", m.data, answer);
	ok(!says_yes(ASK_RESPONSE, answer, sizeof(answer)), "no second answer to one challenge");
	ok(!admits(), "still not let in");
	ok(!says_yes(ASK_PLAIN, "a\0b", 4) && !says_yes(ASK_START, "PLAIN", 6) && !says_yes(ASK_STEP, NULL, 0) &&
	    !says_yes(ASK_MECHANISMS, NULL, 0) && !says_yes(ASK_FILE, "/x", 2), "what is not asked for here");
	if (ask(sock, ASK_CHALLENGE, NULL, 0, &m, &n, NULL) == ASK_YES)
		vncauth_answer("secret", m.data, answer);
	ok(says_yes(ASK_RESPONSE, answer, sizeof(answer)), "the right answer");
	ok(!says_yes(ASK_ADMIT, "short", 5), "half a report");
	ok(admits() && dismiss(), "let in");
}

static void
test_certificate(struct policy f)
{
	f.tls.demand = true;
	hire(&f);
	ok(!admits(), "a certificate is demanded, and none was shown: not let in");
	ok(says_yes(ASK_CERTIFICATE, "cn:bob", 7) && admits() && dismiss(), "any that is good: let in");
	names_add(&f.allow, "cn:alice");
	hire(&f);
	ok(!admits(), "no certificate shown: not let in");
	ok(!says_yes(ASK_CERTIFICATE, NULL, 0) && !says_yes(ASK_CERTIFICATE, "cn:alice", 8), "names that are none");
	ok(!says_yes(ASK_CERTIFICATE, "cn:bob\0dn:CN=alice", 19) && !admits(), "nobody of the list: not let in");
	ok(says_yes(ASK_CERTIFICATE, "cn:bob\0cn:alice", 16) && admits() && dismiss(), "one of the list: let in");
}

static void
test_plain(struct policy f)
{
	static struct users users;
	static const struct {
		const char *data;
		size_t len;
	} bad[] = {{"", 0}, {"a", 1}, {"\0", 1}, {"a\0b", 3}, {"a\0b\0c", 6}, {"ab", 3}};
	char text[] = "a:$6$abc$Dal2Wal8PBXnP9TSlBUUSs1fdn0rkLXibXIGu95fQVQrhYh5wWJlVKhukxKKb.H0cYDUrAWJZTGnMuDhmELC7/\n";
	unsigned line;

	users_parse(&users, text, &line);
	f.users = &users;
	hire(&f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(!says_yes(ASK_PLAIN, bad[i].data, bad[i].len), "no name and password: %zu", i);
	ok(!admits(), "not let in");
	ok(says_yes(ASK_PLAIN, "a\0one", 6) && admits() && dismiss(), "the right ones: let in");
	hire(&f);
	ok(ask_send(sock, 99, NULL, 0, -1) == 0 && !dismiss(), "a question of no kind ends it");
}

int
main(void)
{
	struct policy f = {.folder_fd = -1, .throttle = throttle_new()};

	test_password(f);
	test_certificate(f);
	test_plain(f);
	return tap_done();
}
