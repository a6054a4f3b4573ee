/* links: vm-pin/json.c vm-pin/talk.c vm-pin/talk_ctl.c vm-pin/talk_qmp.c */
/* SPDX-License-Identifier: ISC */
/* Asking a VMM for its threads: what peers of both languages say, and what they should not. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/util.h"
#include "tests/unit/tap.h"
#include "vm-pin/json.h"
#include "vm-pin/talk.h"

#define NO "no unknown request; try help\n"
#define QMP "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n{\"return\": {}}\r\n"
#define NO_IO "{\"return\": []}\r\n"

/* A peer that says all it will ever say at once. */
static struct talk *
peer(const char *says, const char **reason, struct why *w)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0 ||
	    fd_write_all(sv[1], says, strlen(says)) < 0 || shutdown(sv[1], SHUT_WR) < 0)
		abort();
	/* Not closed: it hears us, and we hear its end. */
	return talk_open(sv[0], reason, w);
}

static const struct {
	const char *name, *says;
	const char *threads; /* "vcpu0=100 io=7 "; NULL: refused */
} cases[] = {
    {"ctl", NO "0\t100\n1\t101\nok\n", "vcpu0=100 vcpu1=101 "},
    {"ctl with fields that came later", NO "0\t100\tcore\nok\n", "vcpu0=100 "},
    {"ctl that says no", NO "no usage: vcpus\n", NULL},
    {"ctl without vCPUs", NO "ok\n", NULL},
    {"ctl that hangs up", NO "0\t100\n", NULL},
    {"ctl with a negative thread", NO "0\t-1\nok\n", NULL},
    {"ctl with thread 0", NO "0\t0\nok\n", NULL},
    {"ctl with an index beyond all", NO "9999999\t1\nok\n", NULL},
    {"ctl with something else", NO "running\nok\n", NULL},
    {"nobody", "", NULL},
    {"HTTP", "HTTP/1.0 400 Bad Request\r\n\r\n", NULL},
    {"QMP", QMP "{\"return\": [{\"thread-id\": 7, \"props\": {\"thread-id\": 0}, \"cpu-index\": 0}]}\r\n" NO_IO, "vcpu0=7 "},
    {"QMP whose props come first", QMP "{\"return\": [{\"props\": {\"thread-id\": 0}, \"thread-id\": 7, \"cpu-index\": 1}]}\r\n" NO_IO, "vcpu1=7 "},
    {"QMP with an iothread",
	QMP "{\"return\": [{\"thread-id\": 7, \"cpu-index\": 0}]}\r\n{\"return\": [{\"id\": \"a\", \"thread-id\": 9}]}\r\n",
	"vcpu0=7 io=9 "},
    {"QMP with events between",
	QMP "{\"event\": \"RESUME\", \"data\": {\"return\": [1]}}\r\n{\"return\": [{\"thread-id\": 7, \"cpu-index\": 0}]}\r\n"
	"{\"event\": \"STOP\"}\r\n" NO_IO, "vcpu0=7 "},
    {"QMP without spaces", "{\"QMP\":{}}\n{\"return\":{}}\n{\"return\":[{\"thread-id\":7,\"cpu-index\":0}]}\n" NO_IO, "vcpu0=7 "},
    {"QMP with an error", QMP "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no\"}}\r\n", NULL},
    {"QMP that does not begin", "{\"QMP\": {}}\r\n{\"error\": {}}\r\n", NULL},
    {"QMP with a thread in words", QMP "{\"return\": [{\"thread-id\": \"7\", \"cpu-index\": 0}]}\r\n" NO_IO, NULL},
    {"QMP with thread 0", QMP "{\"return\": [{\"thread-id\": 0, \"cpu-index\": 0}]}\r\n" NO_IO, NULL},
    {"QMP with a thread below 0", QMP "{\"return\": [{\"thread-id\": -7, \"cpu-index\": 0}]}\r\n" NO_IO, NULL},
    {"QMP with a thread beyond all", QMP "{\"return\": [{\"thread-id\": 4294967296, \"cpu-index\": 0}]}\r\n" NO_IO, NULL},
    {"QMP without an index", QMP "{\"return\": [{\"thread-id\": 7}]}\r\n" NO_IO, NULL},
    {"QMP that returns no list", QMP "{\"return\": {}}\r\n" NO_IO, NULL},
    {"QMP cut off", QMP "{\"return\": [{\"thread-id\": 7, \"cpu-in", NULL},
    {"QMP cut off within a line", QMP "{\"return\": [{\"thread-id\": 7, \"cpu-index\": 0}\r\n" NO_IO, NULL},
};

static void
said(char *text, size_t size, const struct talk_thread *v, size_t n)
{
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n; i++)
		len += (size_t)(v[i].io ? snprintf(text + len, size - len, "io=%d ", (int)v[i].tid) :
					  snprintf(text + len, size - len, "vcpu%u=%d ", v[i].index, (int)v[i].tid));
}

static void
test_peers(void)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const char *reason = NULL;
		struct why w;
		struct talk *t = peer(cases[i].says, &reason, &w);
		size_t n;
		struct talk_thread *v = t ? talk_threads(t, &n, &reason, &w) : NULL;
		char text[128];

		if (v)
			said(text, sizeof(text), v, n);
		ok(cases[i].threads ? v && !strcmp(text, cases[i].threads) : !v && reason && *reason, "%s: %s", cases[i].name,
		    v ? text : reason);
		free(v);
		talk_close(t);
	}
}

/* An error is an answer: nobody waits for another. */
static void
test_error(void)
{
	const char *reason = NULL;
	struct why w;
	struct talk *t = peer(QMP "{\"error\": {\"desc\": \"not now\"}}\r\n", &reason, &w);
	size_t n;

	ok(t && !talk_threads(t, &n, &reason, &w), "QMP says no");
	is(reason, "QMP: {\"desc\": \"not now\"}", "and why");
	talk_close(t);
}

static void
test_memory(void)
{
	static const struct {
		const char *says;
		uint64_t bytes;
	} sizes[] = {
	    {NO "name\tx\nmemory\t1073741824\nok\n", 1 << 30},
	    {NO "memory\tall\nok\n", 0},
	    {NO "memory\t4096\n", 0},
	    {QMP "{\"return\": {\"base-memory\": 134217728, \"plugged-memory\": 1048576}}\r\n", (128 << 20) + (1 << 20)},
	    {QMP "{\"return\": {\"base-memory\": 134217728}}\r\n", 128 << 20},
	    {QMP "{\"return\": {\"base-memory\": 99999999999999999999}}\r\n", 0},
	};
	const char *reason;
	struct why w;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct talk *t = peer(sizes[i].says, &reason, &w);

		ok(t && talk_memory(t) == sizes[i].bytes, "memory %zu", i);
		talk_close(t);
	}
}

/* A peer that is a process, and says more than a socket holds. */
static struct talk *
speaker(const char *says, size_t len, const char **reason, struct why *w)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		abort();
	if (fork() == 0) {
		close(sv[0]);
		fd_write_all(sv[1], says, len);
		_exit(0);
	}
	close(sv[1]);
	return talk_open(sv[0], reason, w);
}

static void
refused(const char *says, size_t len, const char *why_not)
{
	const char *reason = "";
	struct why w;
	size_t n;
	struct talk *t = speaker(says, len, &reason, &w);
	struct talk_thread *v = t ? talk_threads(t, &n, &reason, &w) : NULL;

	ok(t && !v && !strcmp(reason, why_not), "too long: %s", reason);
	talk_close(t);
	wait(NULL);
}

static void
test_too_long(void)
{
	static char text[2 * TALK_MAX];

	signal(SIGPIPE, SIG_IGN);
	memset(text, '0', sizeof(text));
	memcpy(text, NO, strlen(NO));
	refused(text, sizeof(text), "Message too long");
	for (size_t i = strlen(NO); i + 8 <= sizeof(text); i += 8)
		memcpy(text + i, "1\t12345\n", 8);
	refused(text, sizeof(text), "its list of vCPUs makes no sense");
	memset(text, '\n', sizeof(text));
	memcpy(text, QMP, strlen(QMP));
	for (size_t i = strlen(QMP); i + 3 <= sizeof(text); i += 3)
		memcpy(text + i, "{}\n", 3);
	refused(text, sizeof(text), "Message too long");
}

static void
test_json(void)
{
	static const struct {
		const char *text;
		int len; /* of the value; -1: none */
	} values[] = {
	    {"{}", 2}, {" [1, 2] x", 6}, {"\"a\\\"b\"", 6}, {"\"a", -1}, {"\"a\\", -1}, {"-1.5e+3,", 7}, {"{]", -1}, {"[}", -1},
	    {"", -1}, {" ", -1}, {"}", -1}, {"{\"a\":[{\"b\":\"}\"}]}", 17}, {"null", 4}, {"[", -1}, {"{\"\\u007d\":1}", 12},
	};
	char deep[2 * JSON_DEPTH + 3];
	struct json v, m;

	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		bool good = json_value(&v, values[i].text, strlen(values[i].text));

		ok(good ? (int)v.len == values[i].len : values[i].len < 0, "json %s", values[i].text);
	}
	memset(deep, '[', JSON_DEPTH);
	memset(deep + JSON_DEPTH, ']', JSON_DEPTH);
	ok(json_value(&v, deep, 2 * JSON_DEPTH), "as deep as may be");
	memset(deep, '[', JSON_DEPTH + 1);
	memset(deep + JSON_DEPTH + 1, ']', JSON_DEPTH + 1);
	ok(!json_value(&v, deep, 2 * JSON_DEPTH + 2), "deeper");
	json_value(&v, "{\"x\": {\"a\": 1}, \"aa\": 2, \"a\": 3}", 33);
	ok(json_member(&v, "a", &m) && m.len == 1 && *m.at == '3', "a member, not one of a member");
	ok(!json_member(&v, "b", &m) && !json_member(&m, "a", &m), "none");
	json_value(&v, "{\"a\": 1, \"aa\": 2}", 18);
	ok(json_member(&v, "aa", &m) && *m.at == '2', "a member behind one whose name is the beginning of its");
	json_value(&v, "{\"a\" 1, \"b\": 2}", 15);
	ok(!json_member(&v, "b", &m), "behind what is no JSON");
}

int
main(void)
{
	test_peers();
	test_error();
	test_memory();
	test_too_long();
	test_json();
	return tap_done();
}
