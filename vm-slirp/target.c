/* SPDX-License-Identifier: ISC */
/* Commands and sockets behind guest forwards; the contracts are in target.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/fd.h"
#include "common/util.h"
#include "vm-slirp/target.h"

/* smbd lives where a user's PATH may not lead. */
static bool
find_smbd(char *found, size_t size)
{
	char dirs[4096], *rest = dirs;
	const char *path = getenv("PATH"), *dir;

	snprintf(dirs, sizeof(dirs), "%s:/usr/sbin:/usr/local/sbin", path ? path : "");
	while ((dir = strsep(&rest, ":")))
		if (*dir == '/' && (size_t)snprintf(found, size, "%s/smbd", dir) < size && !access(found, X_OK))
			return true;
	return false;
}

/*
 * What lets an unprivileged smbd serve one directory to one guest and nothing else: no printers, no user database, every
 * file of its own inside the state directory.
 */
static void
write_smb_conf(const struct targets *t, const char *share)
{
	static const char *const dirs[] = {
	    "pid directory", "lock directory", "state directory", "cache directory", "private dir", "ncalrpc dir"};
	const struct passwd *pw = getpwuid(geteuid());
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/smb.conf", t->smb_state);
	f = fopen(path, "we");
	if (!f)
		die_sys("%s", path);
	fprintf(f, "[global]\n");
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		fprintf(f, "%s = %s\n", dirs[i], t->smb_state);
	fprintf(f,
	    "log file = %s/log\nsmb passwd file = %s/passwd\n"
	    "security = user\nmap to guest = Bad User\nguest account = %s\n"
	    "load printers = no\nprinting = bsd\ndisable spoolss = yes\nusershare max shares = 0\n"
	    "[share]\npath = %s\nread only = no\nguest ok = yes\nforce user = %s\n",
	    t->smb_state, t->smb_state, pw ? pw->pw_name : "nobody", share, pw ? pw->pw_name : "nobody");
	if (fclose(f))
		die_sys("%s", path);
}

void
targets_open(struct targets *t, const struct options *o)
{
	char share[4096];

	*t = (struct targets){.o = o};
	if (!o->smb_dir)
		return;
	if (!realpath(o->smb_dir, share))
		die_sys("-W %s", o->smb_dir);
	if (!find_smbd(t->smbd, sizeof(t->smbd)))
		die("-W %s: smbd is not installed (on Debian: apt-get install samba)", o->smb_dir);
	strcpy(t->smb_state, "/tmp/vm-slirp-smb.XXXXXX");
	if (!mkdtemp(t->smb_state))
		die_sys("%s", t->smb_state);
	write_smb_conf(t, share);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	(void)st, (void)kind, (void)place;
	return remove(path);
}

/* Where a command's place is, or a free one (pid 0). NULL: there is none. */
static pid_t *
place_of(struct targets *t, pid_t pid)
{
	for (size_t i = 0; i < COMMANDS_MAX; i++)
		if (t->commands[i] == pid)
			return &t->commands[i];
	return NULL;
}

/* Signals every command and what it started, and frees the places of those of which nothing is left. True when some are. */
static bool
signal_commands(struct targets *t, int sig)
{
	bool any = false;

	for (size_t i = 0; i < COMMANDS_MAX; i++) {
		if (t->commands[i] && kill(-t->commands[i], sig) < 0 && errno == ESRCH)
			t->commands[i] = 0;
		any |= t->commands[i] != 0;
	}
	return any;
}

bool
targets_ended(struct targets *t, pid_t pid)
{
	bool command = place_of(t, pid);

	signal_commands(t, 0);
	return command;
}

/* Some of them are grandchildren, of whose end nobody tells us. */
static void
end_commands(struct targets *t)
{
	const struct timespec tick = {.tv_nsec = 10000000};

	signal_commands(t, SIGTERM);
	for (int ticks = 0; ticks < 100; ticks++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		if (!signal_commands(t, 0))
			return;
		nanosleep(&tick, NULL);
	}
	signal_commands(t, SIGKILL);
}

void
targets_close(struct targets *t)
{
	end_commands(t);
	if (t->smb_state[0])
		nftw(t->smb_state, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	t->smb_state[0] = '\0';
}

/* A connection over the loopback with itself: smbd wants a peer with an IP address, and out-of-band data. */
static bool
tcp_pair(int sv[2])
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}}, b = {0}, c = {0};
	socklen_t len = sizeof(a), blen = sizeof(b), clen = sizeof(c);
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	sv[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sv[1] = -1;
	if (l >= 0 && sv[0] >= 0 && !bind(l, (struct sockaddr *)&a, len) && !listen(l, 1) &&
	    !getsockname(l, (struct sockaddr *)&a, &len) && !connect(sv[0], (struct sockaddr *)&a, len))
		sv[1] = accept4(l, (struct sockaddr *)&b, &blen, SOCK_CLOEXEC);
	/* Anybody on this host might have been quicker than we to connect. */
	if (sv[1] >= 0 && !getsockname(sv[0], (struct sockaddr *)&c, &clen) && b.sin_port == c.sin_port) {
		close(l);
		return true;
	}
	for (size_t i = 0; i < 2; i++)
		if (sv[i] >= 0)
			close(sv[i]);
	if (l >= 0)
		close(l);
	return false;
}

/* The child: its connection is stdin and stdout; signals are as if from a shell; it ends with us. */
static _Noreturn void
run(char *const argv[], int fd)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (dup2(fd, 0) < 0 || dup2(fd, 1) < 0)
		_exit(126);
	fd_close_others(NULL, 0);
	execv(argv[0], argv);
	error("%s: %s", argv[0], strerror(errno));
	_exit(127);
}

static int
start(struct targets *t, char *const argv[], bool tcp)
{
	pid_t *place = place_of(t, 0), pid;
	int sv[2];

	if (!place) {
		errno = EAGAIN;
		return -1;
	}
	if (tcp ? !tcp_pair(sv) : socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
		return -1;
	pid = fork();
	if (pid >= 0)
		setpgid(pid, 0); /* the child too: whoever comes first */
	if (!pid)
		run(argv, sv[1]);
	close(sv[1]);
	*place = pid > 0 ? pid : 0;
	if (pid < 0 || !fd_set_nonblock(sv[0], true)) {
		close(sv[0]);
		return -1;
	}
	return sv[0];
}

static int
dial(const union address *a)
{
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, &a->sa, address_len(a)) < 0 && errno != EINPROGRESS) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int
targets_connect(struct targets *t, unsigned index)
{
	const struct guestfwd *g = &t->o->guestfwds[index];
	char conf[80];
	char *shell[] = {(char[]){"/bin/sh"}, (char[]){"-c"}, (char *)(uintptr_t)g->command, NULL};
	char *smbd[] = {(char *)(uintptr_t)t->smbd, (char[]){"-s"}, conf, (char[]){"-l"},
	    (char *)(uintptr_t)t->smb_state, NULL};
	int fd;

	snprintf(conf, sizeof(conf), "%s/smb.conf", t->smb_state);
	fd = g->kind == GUESTFWD_CONNECT ? dial(&g->target)
					 : start(t, g->kind == GUESTFWD_SMB ? smbd : shell, g->kind == GUESTFWD_SMB);
	if (fd < 0)
		warn_sys("guest forward to port %u", g->port);
	return fd;
}
