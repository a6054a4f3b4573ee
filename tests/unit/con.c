/* links: kvm-run/con.c kvm-run/con_out.c kvm-run/tty.c */
/* SPDX-License-Identifier: ISC */
/* Consoles on pipes, files and terminals: input under back-pressure, output to readers that are slow or gone, escapes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "common/diag.h"
#include "kvm-run/con.h"
#include "kvm-run/seal_threads.h"
#include "kvm-run/vm.h"
#include "tests/unit/tap.h"

static struct vm vm;
static struct con *con;
static char got[3 << 20]; /* by the guest */
static size_t ngot, want; /* it takes no more than `want` in all */
static unsigned breaks, cols, rows;

void
vm_end(struct vm *v, enum vm_end how)
{
	v->end = how;
}

void
seal_thread_io(void)
{
}

static size_t
input(void *dev, const uint8_t *data, size_t len)
{
	(void)dev;
	if (len > want - ngot)
		len = want - ngot;
	memcpy(got + ngot, data, len);
	ngot += len;
	return len;
}

static void
send_break(void *dev)
{
	(void)dev;
	breaks++;
}

static void
resize(void *dev, unsigned c, unsigned r)
{
	(void)dev;
	cols = c;
	rows = r;
}

static const struct con_front front = {input, send_break, resize};

static void
open_con(int in, int out, size_t wanted)
{
	struct wire w = {.kind = WIRE_CON, .id = "con0", .fds = {in, out}, .nfds = 2};
	char why[64];

	ngot = breaks = cols = rows = 0;
	want = wanted;
	vm.end = VM_RUNNING;
	if (con_open(&con, &vm, &w, &front, NULL, why, sizeof(why)))
		die("%s", why);
}

/* Runs the loop until nothing has happened for a while. */
static void
run(void)
{
	struct pollfd p = {.fd = vm.loop.epfd, .events = POLLIN};

	while (poll(&p, 1, 100) > 0)
		loop_once(&vm.loop, 0);
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
test_pipe(void)
{
	static char sent[20000];
	int in[2], out[2];
	struct stat tasks; /* a link for each thread, besides its own two */
	char buf[16];

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 7 % 251); /* with the escape byte among them */
	if (pipe(in) || pipe(out) || write(in[1], sent, sizeof(sent)) != sizeof(sent))
		die_sys("pipe");
	open_con(in[0], out[1], 0);
	run();
	ok(!ngot, "a guest that takes nothing gets nothing");
	want = 5000;
	con_room(con);
	run();
	ok(ngot == 5000, "as much as it takes, %zu", ngot);
	close(in[1]);
	want = sizeof(got);
	con_room(con);
	run();
	ok(ngot == sizeof(sent) && !memcmp(got, sent, ngot), "the pipe to its end, %zu, unchanged", ngot);
	con_write(con, "hello", 5);
	ok(read(out[0], buf, sizeof(buf)) == 5 && !memcmp(buf, "hello", 5), "output appears by itself");
	ok(!(fcntl(in[0], F_GETFL) & O_NONBLOCK) && !(fcntl(out[1], F_GETFL) & O_NONBLOCK), "descriptors stay blocking");
	con_write(con, "bye", 3);
	con_close(con);
	ok(read(out[0], buf, sizeof(buf)) == 3, "what was left is written at the end");
	ok(!stat("/proc/self/task", &tasks) && tasks.st_nlink == 3, "by a thread that has ended, too");
	close(in[0]);
	close(out[0]);
	close(out[1]);
}

static void
test_slow_reader(void)
{
	static char block[10000];
	int out[2], null = open("/dev/null", O_RDONLY);
	double start = now();
	size_t n = 0, total = 0;
	bool good = true;

	if (pipe(out))
		die_sys("pipe");
	open_con(null, out[1], 1);
	for (unsigned i = 0; i < 300; i++) {
		memset(block, 'a' + i % 26, sizeof(block));
		con_write(con, block, sizeof(block));
	}
	ok(now() - start < 1, "three megabytes to nobody do not wait");
	start = now();
	con_close(con);
	ok(now() - start < 3, "nor does the end, for long");
	/* The thread still hangs in its write; the pipe has what went into it, from the first byte on and without a hole. */
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	for (ssize_t got_now; (got_now = read(out[0], block, sizeof(block))) > 0; total += (size_t)got_now)
		for (ssize_t i = 0; i < got_now; i++, n++)
			good &= block[i] == (char)('a' + n / 10000 % 26);
	ok(good && total >= 65536, "what was written is whole, %zu", total);
	close(null);
}

static void
test_gone_reader(void)
{
	int out[2], null = open("/dev/null", O_RDONLY);

	if (pipe(out))
		die_sys("pipe");
	close(out[0]);
	open_con(null, out[1], 1);
	for (unsigned i = 0; i < 100; i++)
		con_write(con, "lost", 4);
	run();
	con_close(con);
	ok(true, "a reader that is gone is survived");
	close(out[1]);
	close(null);
}

static void
test_files(void)
{
	char path[] = "/tmp/con-XXXXXX", buf[8];
	int fd = mkstemp(path), null = open("/dev/null", O_RDWR);

	unlink(path);
	if (write(fd, "from a file", 11) != 11 || lseek(fd, 0, SEEK_SET))
		die_sys("%s", path);
	open_con(fd, fd, sizeof(got));
	run();
	ok(ngot == 11 && !memcmp(got, "from a file", 11), "input from a file");
	con_write(con, "+out", 4);
	con_close(con);
	ok(pread(fd, buf, sizeof(buf), 11) == 4 && !memcmp(buf, "+out", 4), "output to a file");
	open_con(null, null, sizeof(got));
	run();
	con_write(con, "x", 1);
	con_close(con);
	ok(!ngot, "/dev/null");
	close(null);
	close(fd);
}

static bool
is_raw(int fd)
{
	struct termios t;

	return !tcgetattr(fd, &t) && !(t.c_lflag & (ICANON | ECHO | ISIG)) && !(t.c_oflag & OPOST);
}

static void
keys(int master, const char *s)
{
	if (write(master, s, strlen(s)) < 0)
		die_sys("pty");
	run();
}

static void
test_terminal(void)
{
	struct winsize ws = {.ws_col = 80, .ws_row = 25};
	struct termios before, after;
	char flood[6000], buf[1000];
	int master, slave;
	ssize_t n;

	if (openpty(&master, &slave, NULL, NULL, &ws))
		die_sys("pty");
	memset(&before, 0, sizeof(before)); /* there is padding */
	memset(&after, 0, sizeof(after));
	tcgetattr(slave, &before);
	open_con(slave, slave, sizeof(got));
	run();
	ok(is_raw(slave), "raw");
	ok(cols == 80 && rows == 25, "the size is told");
	keys(master, "a\003\001\001b\r");
	ok(ngot == 5 && !memcmp(got, "a\003\001b\r", 5), "keys, Ctrl-C and Ctrl-A Ctrl-A");
	keys(master, "\001b");
	ok(breaks == 1 && ngot == 5, "Ctrl-A b");
	keys(master, "\001h");
	n = read(master, buf, sizeof(buf));
	ok(n > 0 && memmem(buf, (size_t)n, "Ctrl-A x", 8), "Ctrl-A h");
	keys(master, "\001q");
	ok(ngot == 5 && vm.end == VM_RUNNING, "an unknown key after Ctrl-A is taken out");
	want = ngot;
	memset(flood, 'x', sizeof(flood));
	for (size_t at = 0; at < sizeof(flood); at += 1000) {
		if (write(master, flood + at, 1000) != 1000)
			die_sys("pty");
		run();
	}
	keys(master, "\001x");
	ok(vm.end == VM_QUIT, "Ctrl-A x, although the guest takes no keys");
	ws.ws_row = 50;
	ioctl(master, TIOCSWINSZ, &ws);
	raise(SIGWINCH);
	run();
	ok(rows == 50, "a new size is told");
	con_close(con);
	tcgetattr(slave, &after);
	ok(!memcmp(&before, &after, sizeof(before)), "restored");
	close(slave);
	close(master);
}

static void
test_hangup(void)
{
	int master, slave;

	if (openpty(&master, &slave, NULL, NULL, NULL))
		die_sys("pty");
	open_con(slave, slave, sizeof(got));
	run();
	keys(master, "last");
	close(master);
	run();
	con_write(con, "x", 1);
	run();
	ok(ngot == 4, "a terminal that is hung up");
	con_close(con);
	close(slave);
}

int
main(void)
{
	diag_init("con", 1);
	diag_verbose = -1;
	signal(SIGPIPE, SIG_IGN);
	if (loop_init(&vm.loop))
		die("loop");
	test_pipe();
	test_files();
	test_terminal();
	test_hangup();
	test_gone_reader();
	test_slow_reader();
	return tap_done();
}
