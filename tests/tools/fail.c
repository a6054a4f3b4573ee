/* SPDX-License-Identifier: ISC */
/* pkg: libseccomp */
/*
 * fail [-R] [-f FAULT] [-o FILE] [-t SECONDS] [-x SCRIPT] CMD [ARG]...: runs CMD, and lets a system call of it, or of what it
 * starts, fail. FAULT is PROCESS:CALL[+CALL...]:N:ERROR, ERROR as errno(3) has it: the Nth such call of that process; N-: that
 * and all later ones. PROCESS is 0, of its second child 0.2, and so on. Only programs of this project are looked at, from where main starts.
 * FILE gets lines: "call PROCESS NAME" for each without a FAULT, "hit PROCESS NAME" with one, "signal PROCESS NAME NUMBER" when
 * one died of a signal other than TERM and KILL, "left PROCESS NAME" when it was still there after SECONDS (20) in that call.
 * With -R the descriptor 9 of CMD is a pipe: at the newline of readiness SCRIPT is run (untraced), and CMD gets a TERM.
 * Ends when all have, with CMD's status, 128 and the signal's number if it died of one.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/diag.h"
#include "common/num.h"

#define PROCS 512
#define READY 9

struct proc {
	pid_t pid;	 /* 0: free */
	char name[64];	 /* "" until its parent has told of it */
	bool waits;	 /* for that */
	bool ours;	 /* a program of this project */
	bool started;	 /* and past the C library's start */
	bool inside;	 /* a call */
	bool failing;	 /* which is to fail */
	unsigned births; /* children so far */
	uint64_t hits;	 /* calls that FAULT means, so far */
	uint64_t ld_low, ld_high;
	long nr;
	uint64_t arg;	 /* the one that tells what kind it is */
	struct user_regs_struct regs; /* as it came, while it fails */
};

static struct proc procs[PROCS];
static unsigned alive;
static FILE *out;
static struct {
	char *process, *calls;
	uint64_t n;
	bool on;
	int error;
} fault;

static struct proc *
find(pid_t pid)
{
	struct proc *spare = NULL;

	for (size_t i = 0; i < PROCS; i++) {
		if (procs[i].pid == pid)
			return &procs[i];
		if (!procs[i].pid && !spare)
			spare = &procs[i];
	}
	if (!spare)
		die("more than %d processes", PROCS);
	*spare = (struct proc){.pid = pid};
	alive++;
	return spare;
}

/* A write to an eventfd, which the kernel fails only when its number overflows? */
static bool
is_wake_up(const struct proc *p)
{
	char path[64], to[64];
	ssize_t n;

	if (p->nr != SYS_write)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/fd/%llu", (int)p->pid, (unsigned long long)p->arg);
	n = readlink(path, to, sizeof(to) - 1);
	to[n < 0 ? 0 : n] = '\0';
	return !strcmp(to, "anon_inode:[eventfd]");
}

/*
 * Of fcntl's, what makes a descriptor and what locks have names of their own; so has a wait4 that does not wait, and what takes
 * a descriptor out of an epoll.
 */
static const char *
call_name(const struct proc *p)
{
	static char *name;

	if (p->nr == SYS_fcntl && (p->arg == F_DUPFD || p->arg == F_DUPFD_CLOEXEC))
		return "fcntl_dup";
	if (p->nr == SYS_fcntl && (p->arg == F_OFD_SETLK || p->arg == F_OFD_SETLKW))
		return "fcntl_lock";
	if (p->nr == SYS_wait4 && (p->arg & WNOHANG))
		return "wait4_nohang";
	if (p->nr == SYS_epoll_ctl && p->arg == EPOLL_CTL_DEL)
		return "epoll_ctl_del";
	if (p->nr == SYS_newfstatat && (p->arg & AT_EMPTY_PATH))
		return "fstat";
	if (is_wake_up(p))
		return "write_eventfd";
	free(name);
	name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, (int)p->nr);
	return name ? name : "none";
}

static void
say(const char *what, const struct proc *p)
{
	fprintf(out, "%s\t%s\t%s", what, p->name, call_name(p));
}

/* What it runs now: is it one of ours, and where is the dynamic loader, whose calls are not its own? */
static void
look_at_program(struct proc *p)
{
	char path[64], line[512], comm[32] = "";
	FILE *f;

	p->ld_low = p->ld_high = 0;
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)p->pid);
	f = fopen(path, "re");
	if (f && fgets(comm, sizeof(comm), f))
		p->ours = !strncmp(comm, "vm-", 3) || !strcmp(comm, "kvm-run\n");
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)p->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		uint64_t low, high;

		if (!strstr(line, "/ld-linux") || sscanf(line, "%lx-%lx", &low, &high) != 2)
			continue;
		if (!p->ld_low)
			p->ld_low = low;
		p->ld_high = high;
	}
	if (f)
		fclose(f);
	/* A static program's last call before main protects its relocated data. */
	p->started = p->ld_low;
}

static bool
in_list(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (; list; list = strchr(list, '+')) {
		list += *list == '+';
		if (!strncmp(list, word, len) && (list[len] == '+' || !list[len]))
			return true;
	}
	return false;
}

/* The call is made with arguments that let it do nothing: it is the same one for a seccomp filter. */
static void
spoil(struct proc *p)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, p->pid, NULL, &p->regs) < 0)
		return;
	r = p->regs;
	r.rdi = r.rsi = r.rdx = r.r10 = r.r8 = r.r9 = UINT64_MAX;
	ptrace(PTRACE_SETREGS, p->pid, NULL, &r);
	p->failing = true;
}

static void
enter(struct proc *p, uint64_t nr, const uint64_t *args, uint64_t ip)
{
	p->nr = (long)nr;
	p->arg = args[nr == SYS_newfstatat ? 3 : nr == SYS_wait4 ? 2 : nr == SYS_write ? 0 : 1];
	p->inside = true;
	if (!p->started) {
		p->started = nr == SYS_mprotect;
		return;
	}
	if (ip >= p->ld_low && ip < p->ld_high)
		return;
	if (!fault.calls) {
		say("call", p);
		putc('\n', out);
		return;
	}
	if (strcmp(p->name, fault.process) || !in_list(fault.calls, call_name(p)))
		return;
	p->hits++;
	if (p->hits < fault.n || (p->hits > fault.n && !fault.on))
		return;
	if (p->hits == fault.n) {
		say("hit", p);
		putc('\n', out);
	}
	spoil(p);
}

static void
leave(struct proc *p, uint64_t result)
{
	p->inside = false;
	if (!p->failing)
		return;
	p->failing = false;
	/* brk fails by saying where it is. */
	p->regs.rax = p->nr == SYS_brk ? result : (uint64_t)-(int64_t)fault.error;
	ptrace(PTRACE_SETREGS, p->pid, NULL, &p->regs);
}

static void
at_call(struct proc *p)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
		enter(p, info.entry.nr, info.entry.args, info.instruction_pointer);
	else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
		leave(p, (uint64_t)info.exit.rval);
}

static void
go_on(struct proc *p, int sig)
{
	ptrace(p->ours ? PTRACE_SYSCALL : PTRACE_CONT, p->pid, NULL, (long)sig);
}

static void
born(struct proc *parent)
{
	unsigned long pid;
	struct proc *child;

	if (ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &pid) < 0)
		return;
	child = find((pid_t)pid);
	snprintf(child->name, sizeof(child->name), "%.50s.%u", parent->name, ++parent->births);
	child->ours = parent->ours;
	child->started = parent->started;
	child->ld_low = parent->ld_low;
	child->ld_high = parent->ld_high;
	if (child->waits)
		go_on(child, 0);
	child->waits = false;
}

static void
ended(struct proc *p, int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGTERM && WTERMSIG(status) != SIGKILL) {
		say("signal", p);
		fprintf(out, "\t%d\n", WTERMSIG(status));
	}
	p->pid = 0;
	alive--;
}

static void
stopped(struct proc *p, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (!*p->name) { /* its parent's report is yet to come */
		p->waits = true;
		return;
	}
	if (sig == (SIGTRAP | 0x80)) {
		at_call(p);
		sig = 0;
	} else if (event) {
		if (event == PTRACE_EVENT_EXEC)
			look_at_program(p);
		else if (event != PTRACE_EVENT_STOP)
			born(p);
		sig = 0;
	}
	go_on(p, sig);
}

/* Every process it was still in, and the end of it. */
static void
kill_all(void)
{
	for (size_t i = 0; i < PROCS; i++)
		if (procs[i].pid) {
			say("left", &procs[i]);
			putc('\n', out);
			kill(procs[i].pid, SIGKILL);
		}
}

static pid_t
start(char **argv, int ready)
{
	pid_t pid = fork();

	if (pid < 0)
		die_sys("fork");
	if (!pid) {
		sigset_t none;

		if (ready >= 0)
			dup2(ready, READY);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		raise(SIGSTOP); /* till it is traced */
		execvp(argv[0], argv);
		die_sys("%s", argv[0]);
	}
	if (waitpid(pid, NULL, WUNTRACED) < 0 ||
	    ptrace(PTRACE_SEIZE, pid, NULL,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			   PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL) < 0)
		die_sys("ptrace");
	strcpy(find(pid)->name, "0");
	kill(pid, SIGCONT);
	return pid;
}

static pid_t
start_script(const char *script)
{
	pid_t pid = fork();

	if (pid < 0)
		die_sys("fork");
	if (!pid) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execl("/bin/sh", "sh", "-c", script, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static int
trace(pid_t first, int ready, const char *script, int seconds)
{
	sigset_t chld;
	struct pollfd p[2] = {{.events = POLLIN}, {.fd = ready, .events = POLLIN}};
	time_t end = time(NULL) + seconds;
	int status, result = -1;
	pid_t pid, helper = -1;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	sigprocmask(SIG_BLOCK, &chld, NULL);
	p[0].fd = signalfd(-1, &chld, SFD_NONBLOCK | SFD_CLOEXEC);
	while (alive) {
		struct signalfd_siginfo info;
		char newline;

		while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
			if (pid == helper) {
				helper = -1;
				kill(first, SIGTERM);
			} else if (WIFSTOPPED(status)) {
				stopped(find(pid), status);
			} else {
				if (pid == first)
					result = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
				ended(find(pid), status);
			}
		}
		if (!alive || pid < 0)
			break;
		if (time(NULL) >= end) {
			kill_all();
			end += seconds;
		}
		if (poll(p, 2, 1000) <= 0)
			continue;
		while (read(p[0].fd, &info, sizeof(info)) > 0)
			;
		if (p[1].revents) {
			if (read(ready, &newline, 1) == 1) {
				if (script)
					helper = start_script(script);
				else
					kill(first, SIGTERM);
			}
			p[1].fd = -1;
		}
	}
	if (helper > 0)
		kill(helper, SIGKILL);
	return result;
}

static void
parse_fault(char *text)
{
	char *n, *error, *dash;

	fault.process = strtok(text, ":");
	fault.calls = strtok(NULL, ":");
	n = strtok(NULL, ":");
	error = strtok(NULL, ":");
	if (!error)
		die_usage("-f: PROCESS:CALLS:N[-]:ERROR");
	dash = strchr(n, '-');
	fault.on = dash;
	if (dash)
		*dash = '\0';
	fault.n = num_opt('f', n, 1, UINT32_MAX);
	for (int e = 1; e < 134 && !fault.error; e++)
		if (strerrorname_np(e) && !strcmp(strerrorname_np(e), error))
			fault.error = e;
	if (!fault.error)
		die_usage("-f: %s: no such error", error);
}

int
main(int argc, char **argv)
{
	int opt, ready[2] = {-1, -1};
	const char *script = NULL, *file = "/dev/stderr";
	uint64_t seconds = 20;
	pid_t first;

	diag_init(argv[0], 125);
	while ((opt = getopt(argc, argv, "+Rf:o:t:x:")) != -1)
		switch (opt) {
		case 'R':
			if (pipe2(ready, O_CLOEXEC) < 0)
				die_sys("pipe");
			break;
		case 'f':
			parse_fault(optarg);
			break;
		case 'o':
			file = optarg;
			break;
		case 't':
			seconds = num_opt('t', optarg, 1, 1000);
			break;
		case 'x':
			script = optarg;
			break;
		default:
			return 2;
		}
	if (optind == argc)
		die_usage("usage: fail [-R] [-f FAULT] [-o FILE] [-t SECONDS] [-x SCRIPT] CMD [ARG]...");
	out = fopen(file, "we");
	if (!out)
		die_sys("%s", file);
	first = start(argv + optind, ready[1]);
	close(ready[1]);
	opt = trace(first, ready[0], script, (int)seconds);
	if (fclose(out))
		die_sys("%s", file);
	return opt;
}
