/* links: kvm-run/cpuhp.c kvm-run/ctl.c kvm-run/ctl_client.c kvm-run/ctl_request.c kvm-run/ctl_vcpu.c kvm-run/ctl_balloon.c kvm-run/ctl_memory.c kvm-run/hotplug.c kvm-run/con_out.c */
/* SPDX-License-Identifier: ISC */
/* The control protocol over sockets and fifos: its lines, clients and simple requests. */
#include "tests/unit/ctl_rig.h"

static void
test_other_memory(int fd)
{
	const struct memory_options old = vm.opt.memory;

	vm.opt.memory = (struct memory_options){.nodes = 2, .node_size = {1 << 19, 1 << 19}, .hosts = 2, .host = {1, 0}, .lock = true};
	vm.opt.populate = true;
	vm.mem.fd = 7;
	vm.mem.page = 2 << 20;
	ok(talk(fd, "memory\n", "size\t1048576\npage\t2097152\nfrom\tshared\npopulated\ton\nlock\ton\nmerge\toff\nthp\t-\n"
	    "node0\t524288\t1\nnode1\t524288\t0\nok\n"), "memory that is shared, huge, locked, populated, bound");
	ok(talk(fd, "merge on\n", "no only private memory\n"), "merge refused");
	vm.opt.memory = old;
	vm.opt.populate = false;
	vm.mem.fd = -1;
	vm.mem.page = 4096;
}

static void
test_requests(int fd)
{
	char want[100];

	snprintf(want, sizeof(want), "name\tg\nstate\trunning\npid\t%d\nvcpus\t300\nmemory\t1048576\nvcpus-max\t0\nok\n", (int)getpid());
	ok(talk(fd, "status\n", want), "status");
	ok(talk(fd, "stop\nstop\n", "ok\nok\n") && vm.paused, "stop, twice");
	ok(talk(fd, "cont\r\n", "ok\n") && !vm.paused, "cont");
	ok(talk(fd, "powerdown\n", "ok\n") && buttons == 1, "powerdown");
	ok(talk(fd, "reset\n", "ok\n") && resets == 1, "reset");
	ok(talk(fd, "devices\n", "con0\tcon\tCOM1\t-\nnet0\tnet\t00:03.0\t-\nok\n"), "devices");
	ok(talk(fd, "net\n", "net0\t52:54:00:01:02:03\tup\t1\t2\t3\t4\t5\t6\nok\n"), "net");
	ok(talk(fd, "link net0 down\n", "ok\n") && !link_up, "link down");
	ok(talk(fd, "link net0 up\n", "ok\n") && link_up, "link up");
	ok(talk(fd, "link net0 off\n", "no off: neither up nor down\n"), "link to neither");
	ok(talk(fd, "memory\n", "size\t1048576\npage\t4096\nfrom\tprivate\npopulated\toff\nlock\toff\nmerge\toff\nthp\talways\n"
	    "node0\t1048576\t-\nok\n"), "memory");
	ok(talk(fd, "merge on\n", "ok\n") && vm.mem.merge && talk(fd, "merge off\n", "ok\n") && !vm.mem.merge, "merge");
	ok(talk(fd, "merge in\n", "no in: neither on nor off\n"), "merge neither");
	test_other_memory(fd);
	ok(talk(fd, "link con0 up\n", "no con0: no such network device\n"), "link of no net");
	ok(talk(fd, "quit\n", "ok\n") && vm.end == VM_QUIT, "quit");
	say(fd, "vcpus\n");
	ok(strstr(answer(fd), "\n299\t4299\nok\n"), "vcpus");
	say(fd, "help\n");
	ok(strstr(answer(fd), "\nunplug ID|vcpuN\t"), "help");
}

static void
test_lines(int fd)
{
	static char line[10001];

	ok(talk(fd, "\n  \n", "ok\nok\n"), "empty lines");
	ok(talk(fd, "dance\n", "no unknown request; try help\n"), "an unknown word");
	ok(talk(fd, "stop it\n", "no usage: stop\n"), "too many words");
	ok(talk(fd, "link\n", "no usage: link ID up|down\n"), "too few words");
	ok(talk(fd, "a b c d e f\n", "no unknown request; try help\n"), "far too many words");
	say(fd, "sta");
	run();
	ok(talk(fd, "tusx\n", "no unknown request; try help\n"), "a line in two pieces");
	memset(line, 'x', sizeof(line) - 1);
	say(fd, line);
	ok(talk(fd, "x\ncont\n", "no line too long\nok\n"), "a line of 10001 bytes, and one after it");
	line[CTL_LINE_MAX - 1] = '\n';
	line[CTL_LINE_MAX] = '\0';
	ok(talk(fd, line, "no unknown request; try help\n"), "a line of just 4 KiB");
	memset(line, 'y', CTL_LINE_MAX);
	line[CTL_LINE_MAX] = '\n';
	line[CTL_LINE_MAX + 1] = '\0';
	ok(talk(fd, line, "no line too long\n"), "a line of one byte more");
	ok(talk(fd, "cont\n", "ok\n"), "and the next one");
}

/* Who asks much and reads nothing is not read from any more. */
static void
test_slow(const char *path)
{
	int fd = fd_connect_unix(path), other = fd_connect_unix(path);
	size_t sent = 0;
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((n = write(fd, "help\nvcpus\n", 11)) > 0 && sent < (10 << 20)) {
		sent += (size_t)n;
		if (sent % 1100 == 0)
			run();
	}
	ok(n < 0 && errno == EAGAIN, "a client who does not read has to wait, after %zu bytes", sent);
	ok(talk(other, "cont\n", "ok\n"), "others do not");
	close(fd);
	ok(talk(other, "cont\n", "ok\n"), "nor when it goes away");
	close(other);
}

static void
test_clients(const char *path)
{
	int fds[CTL_CLIENTS_MAX + 3], more = CTL_CLIENTS_MAX + 2;
	struct stat st;
	char buf[8];

	ok(!stat(path, &st) && (st.st_mode & 0777) == 0600, "the socket is its owner's");
	fds[0] = fd_connect_unix(path);
	say(fds[0], "cont");
	shutdown(fds[0], SHUT_WR);
	ok(!strcmp(answer(fds[0]), "ok\n"), "the last line may lack its newline");
	ok(!is_open(fds[0]) && read(fds[0], buf, 1) == 0, "then the connection ends");
	close(fds[0]);
	for (int i = 0; i < more; i++) {
		fds[i] = fd_connect_unix(path);
		say(fds[i], "cont\n");
		run();
	}
	ok(!strcmp(answer(fds[1]), "ok\n"), "many clients");
	ok(is_open(fds[more - 1]), "too many wait");
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	ok(!strcmp(answer(fds[more - 1]), "ok\n"), "until others go");
	for (int i = 4; i < more; i++)
		close(fds[i]);
	run();
}

static void
test_fifo(int in, int out)
{
	ok(talk(in, "cont\n", "") && !strcmp(answer(out), "ok\n"), "a fifo in and a pipe out");
	say(in, "con");
	run();
	say(in, "t\nstop\ncont\n");
	ok(!strcmp(answer(out), "ok\nok\nok\n"), "several requests");
}

int
main(void)
{
	rig_make();
	test_requests(rig.socket);
	test_lines(rig.socket);
	test_fifo(rig.in, rig.out);
	test_clients(rig.path);
	test_slow(rig.path);
	rig_unmake();
	ok(fd_connect_unix(rig.path) < 0, "nobody listens any more");
	return tap_done();
}
