/** The scheduler extender: tells kube-scheduler where the data of a pod is, and sends pods with data to it. */
@NullMarked
package storage.cairn.schedulerextender;

import org.jspecify.annotations.NullMarked;
