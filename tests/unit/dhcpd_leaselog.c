/* SPDX-License-Identifier: ISC */
/* The lease log: whatever the moment at which the machine stops, no lease that was told is lost, and none is made up. */
/* links: vm-dhcpd/leaselog.c vm-dhcpd/record.c vm-dhcpd/name.c */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/tap.h"
#include "vm-dhcpd/leaselog.h"

static char dir[] = "/dev/shm/dhcpd_leaselog.XXXXXX"; /* in memory: it is synced thousands of times */
static struct leaselog g;

/* What a replay brought: the last word on each of a few addresses. */
static struct seen {
	size_t n;
	int64_t until[256];
	enum record_what what[256];
	char name[256][64];
} seen;

static void
see(void *arg, const struct record *r)
{
	struct seen *s = arg;

	s->n++;
	s->until[r->addr & 255] = r->until;
	s->what[r->addr & 255] = r->what;
	strcpy(s->name[r->addr & 255], r->name);
}

static void
reopen(void)
{
	memset(&seen, 0, sizeof(seen));
	leaselog_open(&g, dir, "t", see, &seen);
}

static struct record
record(unsigned host, int64_t until)
{
	struct record r = {.what = RECORD_BOUND, .addr = 0x0a000000 | host, .mac = {0x52, 0x54, 0, 0, 0, (uint8_t)host}, .until = until};

	snprintf(r.name, sizeof(r.name), "guest%u", host);
	return r;
}

static void
add(unsigned host, int64_t until)
{
	const struct record r = record(host, until);

	leaselog_add(&g, &r);
}

static const char *
path(const char *suffix)
{
	static char text[2][100];
	static int i;

	i ^= 1;
	snprintf(text[i], sizeof(text[i]), "%s/t.leases%s", dir, suffix);
	return text[i];
}

static size_t
get(const char *suffix, char *buf, size_t size)
{
	int fd = open(path(suffix), O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, size);

	close(fd);
	return n > 0 ? (size_t)n : 0;
}

static void
set(const char *suffix, const char *buf, size_t len)
{
	int fd = open(path(suffix), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, buf, len) != (ssize_t)len)
		abort();
	close(fd);
}

static void
clean(void)
{
	unlink(path(""));
	unlink(path("~"));
	unlink(path(".bad"));
}

static void
test_commit(void)
{
	clean();
	reopen();
	ok(seen.n == 0, "a new log is empty");
	add(1, 100);
	add(2, INT64_MAX);
	ok(leaselog_commit(&g), "two leases are written");
	add(1, 200);
	leaselog_commit(&g);
	add(3, 300); /* never committed: nobody was told */
	leaselog_close(&g);
	reopen();
	ok(seen.n == 3 && seen.until[1] == 200 && seen.until[2] == INT64_MAX && !seen.until[3], "and are there, the last word last");
	is(seen.name[2], "guest2", "with their names");
	leaselog_close(&g);
}

/* Cut at every byte: each line that is whole counts, and the log goes on behind it. */
static void
test_cut(void)
{
	char buf[4096];
	size_t len, whole = 0, wrong = 0, bad = 0;
	struct stat st;

	clean();
	reopen();
	for (unsigned i = 1; i <= 5; i++)
		add(i, 1000 + i);
	leaselog_commit(&g);
	leaselog_close(&g);
	len = get("", buf, sizeof(buf));
	for (size_t cut = 0; cut <= len; cut++) {
		whole += cut && buf[cut - 1] == '\n';
		set("", buf, cut);
		reopen();
		wrong += seen.n != whole;
		bad += !stat(path(".bad"), &st);
		add(9, 9);
		leaselog_commit(&g);
		leaselog_close(&g);
		reopen();
		wrong += seen.n != whole + 1 || seen.until[9] != 9;
		leaselog_close(&g);
	}
	ok(len > 200 && whole == 5, "a log of five lines, cut at each of its %zu bytes", len);
	ok(!wrong, "keeps every line that is whole, and takes more behind it (%zu wrong)", wrong);
	ok(!bad, "and nothing of that is called damage");
}

/* A file system may bring back a tail of zeros for what was not synced. */
static void
test_zeros(void)
{
	char buf[4096];
	size_t len, wrong = 0;

	clean();
	reopen();
	add(1, 1);
	leaselog_commit(&g);
	leaselog_close(&g);
	len = get("", buf, sizeof(buf));
	memset(buf + len, 0, sizeof(buf) - len);
	for (size_t n = 1; n < 600; n += 37) {
		set("", buf, len + n);
		reopen();
		wrong += seen.n != 1;
		leaselog_close(&g);
	}
	ok(!wrong, "zeros behind the last line are nothing");
}

static void
test_damage(void)
{
	char buf[4096] = {0}, was[4096];
	size_t len, wrong = 0;

	clean();
	reopen();
	for (unsigned i = 1; i <= 3; i++)
		add(i, i);
	leaselog_commit(&g);
	leaselog_close(&g);
	len = get("", buf, sizeof(buf));
	for (size_t at = 0; at < len; at++) {
		buf[at] ^= 1;
		set("", buf, len);
		buf[at] ^= 1;
		reopen();
		/* A newline that is none any more joins two lines, and costs both. */
		wrong += seen.n != (buf[at] != '\n' ? 2 : at == len - 1 ? 2 : 1);
		leaselog_close(&g);
	}
	ok(!wrong, "a bit that flipped, anywhere, costs its line and no other (%zu wrong)", wrong);
	buf[3] ^= 1;
	set("", buf, len);
	reopen();
	leaselog_close(&g);
	ok(get(".bad", was, sizeof(was)) == len && !memcmp(was, buf, len), "a damaged log is kept as it was");
}

static void
add_two(struct leaselog *log, void *arg)
{
	(void)log;
	(void)arg;
	add(1, 111);
	add(2, 222);
}

static bool
both_there(void)
{
	bool good;

	reopen();
	good = seen.until[1] == 111 && seen.until[2] == 222 && !seen.until[3];
	leaselog_close(&g);
	return good;
}

/* The steps of a compaction, stopped within each. */
static void
test_compaction(void)
{
	char old[8192], copy[4096], now[8192];
	size_t old_len, copy_len, wrong = 0;

	clean();
	reopen();
	for (unsigned i = 0; i < 40; i++) {
		add(1, i < 39 ? i : 111);
		add(2, i < 39 ? i : 222);
	}
	leaselog_commit(&g);
	old_len = get("", old, sizeof(old));
	leaselog_compact(&g, add_two, NULL);
	copy_len = get("", copy, sizeof(copy));
	ok(copy_len < 250 && copy_len > 100, "forty lines of each lease become one");
	ok(get("~", now, sizeof(now)) == 0, "the copy is empty then");
	add(2, 333);
	leaselog_commit(&g);
	leaselog_close(&g);
	reopen();
	ok(seen.until[1] == 111 && seen.until[2] == 333, "and the log goes on");
	leaselog_close(&g);

	for (size_t n = 0; n < copy_len; n++) {
		set("", old, old_len);
		set("~", copy, n);
		wrong += !both_there();
	}
	ok(!wrong, "stopped while the copy is written: the log holds (%zu wrong)", wrong);
	for (size_t n = 0; n <= copy_len; n++) {
		memcpy(now, old, old_len);
		memcpy(now, copy, n);
		set("", now, old_len);
		set("~", copy, copy_len);
		wrong += !both_there();
		wrong += get("~", now, sizeof(now)) != 0;
	}
	ok(!wrong, "stopped while the log is overwritten: the copy holds (%zu wrong)", wrong);
	for (size_t n = 0; n <= copy_len; n++) {
		set("", copy, copy_len);
		set("~", copy, n);
		wrong += !both_there();
	}
	ok(!wrong, "stopped while the copy is emptied: both hold (%zu wrong)", wrong);
	copy[10] ^= 1;
	set("", old, old_len);
	set("~", copy, copy_len);
	ok(both_there(), "a copy with a damaged line counts for nothing");
}

static void
test_growth(void)
{
	clean();
	reopen();
	ok(!leaselog_is_long(&g), "an empty log is not long");
	for (unsigned i = 0; i < 6000; i++) {
		add(1, i);
		leaselog_commit(&g);
		if (leaselog_is_long(&g))
			leaselog_compact(&g, add_two, NULL);
	}
	ok(g.end < 300000, "a log that is compacted when it is long stays short");
	leaselog_close(&g);
}

/* The disk is full: nobody is told, and what was there stays. */
static void
test_full(void)
{
	struct rlimit was, limit;
	bool good;

	clean();
	reopen();
	add(1, 1);
	leaselog_commit(&g);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	limit = was;
	limit.rlim_cur = (rlim_t)g.end + 30;
	setrlimit(RLIMIT_FSIZE, &limit);
	add(2, 2);
	good = !leaselog_commit(&g);
	setrlimit(RLIMIT_FSIZE, &was);
	ok(good, "what does not fit is not committed");
	add(3, 3);
	ok(leaselog_commit(&g), "when there is room again it goes on");
	leaselog_close(&g);
	reopen();
	ok(seen.n == 2 && seen.until[1] == 1 && seen.until[3] == 3, "without what failed");
	leaselog_close(&g);
}

static void
test_read(void)
{
	int fd;

	clean();
	reopen();
	add(1, 1);
	leaselog_commit(&g);
	memset(&seen, 0, sizeof(seen));
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	ok(leaselog_read(fd, "t.leases", see, &seen) == 0 && seen.n == 1, "others may read it meanwhile");
	ok(leaselog_read(fd, "u.leases", see, &seen) == -ENOENT, "a log that is not there");
	close(fd);
	leaselog_close(&g);
}

static void
test_lock(void)
{
	int status;
	pid_t pid;

	clean();
	reopen();
	fflush(stdout);
	pid = fork();
	if (!pid) {
		close(2);
		reopen();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 1, "a second process is refused");
	leaselog_close(&g);
}

int
main(void)
{
	if (!mkdtemp(dir))
		return 1;
	test_commit();
	test_cut();
	test_zeros();
	test_damage();
	test_compaction();
	test_growth();
	test_full();
	test_read();
	test_lock();
	clean();
	rmdir(dir);
	return tap_done();
}
