/* SPDX-License-Identifier: ISC */
/* Tables in nft's words (nft(8)), as nft itself lists them. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

#include "common/util.h"
#include "vm-nat/rules.h"

static const struct word {
	int value;
	const char *text;
} states[] = {
	{ 1 << (IP_CT_ESTABLISHED + 1), "established" },
	{ 1 << (IP_CT_RELATED + 1), "related" },
}, statuses[] = {
	{ IPS_DST_NAT, "dnat" },
}, verdicts[] = {
	{ NF_ACCEPT, "accept" },
	{ NF_DROP, "drop" },
	{ NFT_RETURN, "return" },
	{ NFT_CONTINUE, "continue" },
};

/* Those of a set of bits, or the one of a number, with commas between. */
static void
print_words(FILE *f, const struct word *w, size_t n, int value, bool bits)
{
	const char *comma = "";

	for (size_t i = 0; i < n; i++) {
		if (bits ? !(w[i].value & value) : w[i].value != value)
			continue;
		fprintf(f, "%s%s", comma, w[i].text);
		comma = ",";
	}
}

static const char *
ip(int family)
{
	return family == AF_INET6 ? "ip6" : "ip";
}

static const char *
proto(int number)
{
	return number == IPPROTO_UDP ? "udp" : "tcp";
}

static void
print_address(FILE *f, const struct expr *e, const char *which)
{
	char text[PREFIX_TEXT_MAX];

	prefix_format(&e->addr, text);
	fprintf(f, "%s %s %s%s", ip(e->addr.family), which, e->negated ? "!= " : "", text);
}

static void
print_ports(FILE *f, const struct ports *p)
{
	fprintf(f, p->hi > p->lo ? "%u-%u" : "%u", p->lo, p->hi);
}

static void
print_map(FILE *f, const struct ports *p)
{
	fprintf(f, "%s dport map { ", proto(p->proto));
	for (unsigned i = 0; i <= (unsigned)(p->hi - p->lo); i++)
		fprintf(f, "%s%u : %u", i ? ", " : "", p->from + i, p->lo + i);
	fputs(" }", f);
}

static void
print_nat(FILE *f, const struct expr *e)
{
	char text[PREFIX_TEXT_MAX];

	fputs(e->kind == EXPR_MASQUERADE ? "masquerade" : e->kind == EXPR_SNAT ? "snat" : "dnat", f);
	if (e->addr.family) {
		prefix_format(&e->addr, text);
		fprintf(f, e->addr.family == AF_INET6 && e->ports.lo ? " %s to [%s]" : " %s to %s", ip(e->addr.family), text);
	} else if (e->ports.lo) {
		fputs(" to ", f);
	}
	if (!e->ports.lo)
		return;
	putc(':', f);
	if (e->ports.from)
		print_map(f, &e->ports);
	else
		print_ports(f, &e->ports);
}

static void
print_expr(FILE *f, const struct expr *e)
{
	const char *not = e->negated ? "!= " : "";

	switch (e->kind) {
	case EXPR_NONE: break;
	case EXPR_IIF: fprintf(f, "iifname %s\"%s\"", not, e->text); break;
	case EXPR_OIF: fprintf(f, "oifname %s\"%s\"", not, e->text); break;
	case EXPR_BRIDGE: fprintf(f, "meta ibrname %s\"%s\"", not, e->text); break;
	case EXPR_FAMILY: fprintf(f, "meta nfproto %s", e->number == AF_INET6 ? "ipv6" : "ipv4"); break;
	case EXPR_SADDR: print_address(f, e, "saddr"); break;
	case EXPR_DADDR: print_address(f, e, "daddr"); break;
	case EXPR_PROTO: fprintf(f, "meta l4proto %s", proto(e->number)); break;
	case EXPR_DPORT:
		fprintf(f, "%s dport ", proto(e->ports.proto));
		print_ports(f, &e->ports);
		break;
	case EXPR_LOCAL: fputs("fib daddr type local", f); break;
	case EXPR_CT_STATE:
		fputs("ct state ", f);
		print_words(f, states, ARRAY_LEN(states), e->number, true);
		break;
	case EXPR_CT_STATUS:
		fputs("ct status ", f);
		print_words(f, statuses, ARRAY_LEN(statuses), e->number, true);
		break;
	case EXPR_SYN: fputs("tcp flags syn", f); break;
	case EXPR_COUNTER: fputs("counter", f); break;
	case EXPR_CLAMP: fputs("tcp option maxseg size set rt mtu", f); break;
	case EXPR_MASQUERADE:
	case EXPR_SNAT:
	case EXPR_DNAT: print_nat(f, e); break;
	case EXPR_VERDICT: print_words(f, verdicts, ARRAY_LEN(verdicts), e->number, false); break;
	case EXPR_JUMP: fprintf(f, "jump %s", e->text); break;
	case EXPR_REJECT: fputs("reject with icmpx port-unreachable", f); break;
	case EXPR_COMMENT: fprintf(f, "comment \"%s\"", e->text); break;
	}
}

static void
print_hook(FILE *f, const struct chain *c)
{
	static const char *const hooks[] = {
		[NF_INET_PRE_ROUTING] = "prerouting",
		[NF_INET_FORWARD] = "forward",
		[NF_INET_LOCAL_OUT] = "output",
		[NF_INET_POST_ROUTING] = "postrouting",
	};

	/* By number: older versions of nft know "dstnat" in prerouting only. */
	fprintf(f, "\t\ttype %s hook %s priority %d; policy accept;\n", c->type, hooks[c->hook], c->priority);
}

void
table_print(FILE *f, const struct table *t, bool replace)
{
	const char *family = t->family == NFPROTO_BRIDGE ? "bridge" : "inet";

	/* Once more, so that there is something to delete. */
	if (replace)
		fprintf(f, "table %s %s\ndelete table %s %s\n", family, t->name, family, t->name);
	fprintf(f, "table %s %s {\n", family, t->name);
	if (t->owner)
		fputs("\tflags owner\n", f);
	if (t->comment[0])
		fprintf(f, "\tcomment \"%s\"\n", t->comment);
	for (size_t i = 0; i < t->n; i++) {
		const struct chain *c = &t->chains[i];

		fprintf(f, "\tchain %s {\n", c->name);
		if (c->type)
			print_hook(f, c);
		for (size_t j = 0; j < c->n; j++) {
			fputs("\t\t", f);
			for (size_t k = 0; k < c->rules[j].n; k++) {
				if (k)
					putc(' ', f);
				print_expr(f, &c->rules[j].e[k]);
			}
			putc('\n', f);
		}
		fputs("\t}\n", f);
	}
	fputs("}\n", f);
}
