/* SPDX-License-Identifier: ISC */
/* The watcher; the contracts are in hold.h. */
#include <netinet/in.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/seal.h"
#include "common/wire.h"
#include "vm-nat/apply.h"
#include "vm-nat/encode.h"
#include "vm-nat/hold.h"
#include "vm-nat/plan.h"

int
holder_record(struct holder *h, const struct settings *s, uint32_t generation)
{
	struct table t = { .family = NFPROTO_INET, .owner = true };
	struct netlink_batch b = { 0 };
	int err;

	h->nl.fd = -1;
	if (!s->n && !s->tagged)
		return 0;
	open_netlink(&h->nl, NETLINK_NETFILTER);
	snprintf(t.name, sizeof(t.name), UNDO_PREFIX "%d", getpid());
	snprintf(h->table, sizeof(h->table), "%s", t.name);
	settings_record(s, &t);
	batch_begin(&b, &generation);
	table_put(&b, &t, false);
	batch_end(&b);
	err = netlink_commit(&h->nl, &b, NULL);
	table_free(&t);
	if (err)
		netlink_close(&h->nl);
	return err;
}

/* It outlives the program by a moment, whatever the program and what started it are sent. */
static _Noreturn void
watch(struct holder *h, int pipe)
{
	/* What reading rules, writing settings and saying what went wrong takes. */
	static const char *const calls[] = { "read", "write", "close", "openat", "newfstatat", "fstat", "lseek", "sendto", "recvfrom",
		"socket", "setsockopt", "getsockopt", "dup3", "brk", "mmap", "munmap", "mremap", "madvise", "futex", "exit", "exit_group",
		"rt_sigreturn", "restart_syscall", NULL };
	const int keep[] = { h->nl.fd, pipe };
	char byte;

	setsid();
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_IGN);
	fd_close_others(keep, 2);
	close(0);
	close(1);
	if (chdir("/") < 0)
		warn_sys("/");
	seal_syscalls(calls);
	while (fd_read_all(pipe, &byte, 1) > 0)
		;
	undo_table(&h->nl, h->table);
	_exit(0);
}

void
holder_start(struct holder *h, struct netlink *table)
{
	char word[64];
	int status, ends[2];
	pid_t pid;

	table->fd = fd_move_high(table->fd);
	if (h->nl.fd < 0) {
		snprintf(word, sizeof(word), "hold,fd=%d", table->fd);
		wire_export(word);
		return;
	}
	if (pipe2(ends, O_CLOEXEC) < 0)
		die_sys("pipe");
	pid = fork();
	/* The watcher is nobody's child: the program must not find one that it did not start. */
	if (!pid) {
		pid = fork();
		if (pid)
			_exit(pid < 0);
		watch(h, ends[0]);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		die_sys("fork");
	close(ends[0]);
	netlink_close(&h->nl);
	snprintf(word, sizeof(word), "hold,fd=%d:%d", table->fd, fd_move_high(ends[1]));
	wire_export(word);
}
