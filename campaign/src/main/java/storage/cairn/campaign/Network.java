package storage.cairn.campaign;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The network between the nodes: a namespace for each with one leg on a bridge, where the campaign itself sits; or,
 * where namespaces cannot be made, loopback with nothing but proxies. What is cut is dropped by nftables where it
 * comes in, silently, as on a broken wire.
 */
final class Network {
    private static final int HUB = 254;
    private static final String LEG = "eth0";
    private static final String TABLE = "campaign";
    private static final Pattern COUNTER = Pattern.compile("counter (\\w+) \\{\\s*packets (\\d+)");

    private final boolean namespaces;
    private final String prefix;
    /** Rules of each node: what is dropped of what comes in. */
    private final Map<Integer, Map<String, String>> rules = new HashMap<>();

    private Network(boolean namespaces, String prefix) {
        this.namespaces = namespaces;
        this.prefix = prefix;
    }

    /** Needs a network namespace of this process' own. */
    static Network ofNamespaces() {
        Network network = new Network(true, "10.77.0.");
        Shell.run("mount", "-t", "tmpfs", "none", "/run");
        Shell.run("ip", "link", "set", "lo", "up");
        Shell.run("ip", "link", "add", "hub", "type", "bridge");
        Shell.run("ip", "addr", "add", network.hub() + "/24", "dev", "hub");
        Shell.run("ip", "link", "set", "hub", "up");
        return network;
    }

    static Network ofLoopback() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        return new Network(false, "127." + random.nextInt(1, 255) + "." + random.nextInt(1, 255) + ".");
    }

    boolean namespaces() {
        return namespaces;
    }

    String hub() {
        return prefix + HUB;
    }

    String address(int node) {
        return prefix + node;
    }

    void addNode(int node) {
        if (!namespaces) {
            return;
        }
        String name = name(node);
        Shell.run("ip", "netns", "add", name);
        Shell.run("ip", "link", "add", "v-" + name, "type", "veth", "peer", "name", LEG, "netns", name);
        Shell.run("ip", "link", "set", "v-" + name, "master", "hub", "up");
        Shell.run("ip", "-n", name, "addr", "add", address(node) + "/24", "dev", LEG);
        Shell.run("ip", "-n", name, "link", "set", LEG, "up");
        Shell.run("ip", "-n", name, "link", "set", "lo", "up");
    }

    void removeNode(int node) {
        rules.remove(node);
        if (namespaces) {
            Shell.run("ip", "netns", "del", name(node));
        }
    }

    /** What a command line begins with to run on a node. */
    List<String> on(int node) {
        return namespaces ? List.of("nsenter", "--net=/run/netns/" + name(node), "--") : List.of();
    }

    /** {@code to} hears nothing of {@code from} any more. Does nothing without namespaces. */
    synchronized void cut(int from, int to) {
        rule(to, "cut " + from, "ip saddr " + address(from) + " counter name cut drop");
    }

    synchronized void heal(int from, int to) {
        rule(to, "cut " + from, "");
    }

    /** A node loses so many of a hundred packets that come in; 0 ends it. */
    synchronized void lose(int node, int percent) {
        rule(
                node,
                "loss",
                percent == 0 ? "" : "iif " + LEG + " numgen random mod 100 < " + percent + " counter name lost drop");
    }

    private void rule(int node, String key, String rule) {
        if (!namespaces) {
            return;
        }
        Map<String, String> own = rules.computeIfAbsent(node, unknown -> new HashMap<>());
        if (rule.isEmpty()) {
            own.remove(key);
        } else {
            own.put(key, rule);
        }
        // The counters outlive the rules.
        StringBuilder text = new StringBuilder("table inet campaign {\n counter cut {}\n counter lost {}\n");
        text.append(" chain in { type filter hook input priority 0; }\n}\nflush chain inet campaign in\n");
        text.append("table inet campaign {\n chain in {\n");
        own.values().forEach(each -> text.append("  ").append(each).append('\n'));
        text.append(" }\n}\n");
        Shell.Outcome outcome =
                Shell.feed(text.toString(), "nsenter", "--net=/run/netns/" + name(node), "--", "nft", "-f", "-");
        if (!outcome.good()) {
            throw new IllegalStateException("nft on node " + node + " said: " + outcome.output() + "\n" + text);
        }
    }

    /** Packets that a node did not get, by {@code cut} and {@code lost}, since it was asked last. */
    synchronized Map<String, Long> dropped(int node) {
        Map<String, Long> packets = new HashMap<>();
        if (rules.containsKey(node)) {
            Shell.Outcome listed = Shell.attempt(
                    "nsenter",
                    "--net=/run/netns/" + name(node),
                    "--",
                    "nft",
                    "reset",
                    "counters",
                    "table",
                    "inet",
                    TABLE);
            Matcher matcher = COUNTER.matcher(listed.output());
            while (matcher.find()) {
                packets.put(matcher.group(1), Long.parseLong(matcher.group(2)));
            }
        }
        return packets;
    }

    private static String name(int node) {
        return "n" + node;
    }
}
