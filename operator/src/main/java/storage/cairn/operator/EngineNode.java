package storage.cairn.operator;

import io.fabric8.kubernetes.api.model.Node;
import io.fabric8.kubernetes.api.model.NodeAddress;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import storage.cairn.api.resource.StorageClusterSpec;
import storage.cairn.api.resource.StorageNode;

/**
 * A node that runs an engine.
 *
 * @param number its name in the memberships of volumes
 * @param address where other engines reach it
 */
record EngineNode(String name, int number, String address) {
    private static final int MAX_NUMBER = 1_023;

    /**
     * The nodes of a cluster, and what keeps others out.
     *
     * @param problems sentences that say what is wrong and what to do
     */
    record All(List<EngineNode> nodes, List<String> problems) {}

    /** Those that the spec selects, each with the number it ever had, or with the next one. */
    static All of(StorageClusterSpec spec, Observed observed) {
        Map<String, Integer> numbers = numbers(observed);
        Set<Integer> taken = new HashSet<>(numbers.values());
        List<EngineNode> nodes = new ArrayList<>();
        List<String> problems = new ArrayList<>();
        for (Node node : observed.nodes()) {
            String name = node.getMetadata().getName();
            if (!selected(spec, node)) {
                continue;
            }
            String address = address(spec, node);
            if (address == null) {
                problems.add("node " + name + " has no address "
                        + (cidr(spec) == null ? "of type InternalIP" : "in " + cidr(spec))
                        + ": correct spec.network.cidr, or the node's addresses");
                continue;
            }
            Integer number = numbers.get(name);
            if (number == null) {
                number = taken.stream().mapToInt(each -> each).max().orElse(0) + 1;
                taken.add(number);
            }
            if (number > MAX_NUMBER) {
                problems.add("node " + name + " gets no engine: all " + MAX_NUMBER + " numbers were given;"
                        + " use a nodeSelector");
                continue;
            }
            nodes.add(new EngineNode(name, number, address));
        }
        return new All(nodes, problems);
    }

    /** Every number that was ever given, by name. What a StorageNode says wins, since it cannot be changed there. */
    private static Map<String, Integer> numbers(Observed observed) {
        Map<String, Integer> numbers = new TreeMap<>(observed.numbers());
        for (StorageNode node : observed.storageNodes()) {
            if (node.getSpec() != null) {
                numbers.put(node.getMetadata().getName(), node.getSpec().number());
            }
        }
        return numbers;
    }

    private static boolean selected(StorageClusterSpec spec, Node node) {
        Map<String, String> wanted = spec.nodeSelector();
        if (wanted == null || wanted.isEmpty()) {
            return true;
        }
        Map<String, String> labels = node.getMetadata().getLabels();
        return labels != null && labels.entrySet().containsAll(wanted.entrySet());
    }

    static @Nullable String cidr(StorageClusterSpec spec) {
        StorageClusterSpec.Network network = spec.network();
        return network == null ? null : network.cidr();
    }

    private static @Nullable String address(StorageClusterSpec spec, Node node) {
        String cidr = cidr(spec);
        List<NodeAddress> addresses =
                node.getStatus() == null ? List.of() : node.getStatus().getAddresses();
        for (NodeAddress address : addresses) {
            boolean numeric = address.getType().endsWith("IP");
            if (cidr == null ? address.getType().equals("InternalIP") : numeric && within(cidr, address.getAddress())) {
                return address.getAddress();
            }
        }
        return null;
    }

    static boolean within(String cidr, String address) {
        int slash = cidr.indexOf('/');
        try {
            byte[] network = InetAddress.getByName(cidr.substring(0, slash)).getAddress();
            byte[] host = InetAddress.getByName(address).getAddress();
            int shift = network.length * Byte.SIZE - Integer.parseInt(cidr.substring(slash + 1));
            return network.length == host.length
                    && new BigInteger(1, network).shiftRight(shift).equals(new BigInteger(1, host).shiftRight(shift));
        } catch (UnknownHostException | NumberFormatException e) {
            return false;
        }
    }

    /** As it stands before a port. */
    String host() {
        return address.contains(":") ? "[" + address + "]" : address;
    }
}
