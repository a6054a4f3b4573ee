/* SPDX-License-Identifier: ISC */
/* The e1000's interrupt: causes, masks (13.4.17 to 13.4.21), and ITR, which spaces interrupts out; see e1000_dev.h. */
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "kvm-run/e1000_dev.h"

#define ITR_NS 256 /* 13.4.18 */
#define NS_PER_S 1000000000ULL

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void
wait_until(struct e1000 *e, uint64_t ns)
{
	struct itimerspec t = {.it_value = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)}};

	timerfd_settime(e->itr.fd, TFD_TIMER_ABSTIME, &t, NULL);
}

void
e1000_raise(struct e1000 *e, uint32_t causes, bool now)
{
	uint32_t *icr = e1000_reg(e, R_ICR), itr = *e1000_reg(e, R_ITR) & 0xffff;
	uint64_t time = 0;
	bool level;

	*icr |= causes;
	level = *icr & *e1000_reg(e, R_IMS);
	if (level == e->interrupting)
		return;
	if (level && itr)
		time = now_ns();
	if (level && !now && time < e->quiet_until) {
		wait_until(e, e->quiet_until);
		return;
	}
	e->interrupting = level;
	if (level)
		e->quiet_until = time + itr * ITR_NS;
	pci_irq(&e->pci, level);
}

void
e1000_on_itr(struct watch *w, uint32_t events)
{
	struct e1000 *e = container_of(w, struct e1000, itr);
	uint64_t ticks;

	(void)events;
	if (read(w->fd, &ticks, sizeof(ticks)) < 0)
		return;
	pthread_mutex_lock(&e->lock);
	e1000_raise(e, 0, true);
	pthread_mutex_unlock(&e->lock);
}
