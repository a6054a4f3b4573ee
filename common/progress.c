/* SPDX-License-Identifier: ISC */
/* How far long work is; the contracts are in progress.h. */
#include <limits.h>
#include <signal.h>

#include "common/progress.h"

static volatile sig_atomic_t asked;

static void
on_usr1(int sig)
{
	(void)sig;
	asked = 1;
}

void
progress_begin(struct progress *p, bool show, bool json, FILE *out)
{
	struct sigaction sa = {.sa_handler = on_usr1, .sa_flags = SA_RESTART};

	*p = (struct progress){.how = !show ? PROGRESS_ASKED : json ? PROGRESS_JSON : PROGRESS_SHOWN, .out = out,
	    .what = "   ", .shown = UINT_MAX};
	sigaction(SIGUSR1, &sa, NULL);
}

static void
show(struct progress *p, uint64_t done, uint64_t total, double percent)
{
	if (p->how == PROGRESS_JSON)
		fprintf(p->out, "{\"done\": %llu, \"total\": %llu}\n", (unsigned long long)done, (unsigned long long)total);
	else if (p->how == PROGRESS_SHOWN)
		fprintf(p->out, "%s (%3.2f/100%%)\r", p->what, percent);
	fflush(p->out);
}

void
progress_set(struct progress *p, uint64_t done, uint64_t total)
{
	double percent = total ? 100.0 * (double)done / (double)total : 100;

	if (p->how != PROGRESS_ASKED && (unsigned)percent != p->shown) {
		p->shown = (unsigned)percent;
		show(p, done, total, percent);
	}
	if (asked) {
		asked = 0;
		fprintf(stderr, "%s (%3.2f/100%%)\n", p->what, percent);
	}
}

void
progress_end(struct progress *p, uint64_t total)
{
	progress_set(p, total, total);
	if (p->how == PROGRESS_SHOWN)
		fputc('\n', p->out);
}
