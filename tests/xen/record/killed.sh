# xl killed while it makes a domain: what it leaves behind, and what comes of another try.
for moment in 0.4 1.2; do
	xl create -q "$tst100" >/dev/null 2>&1 &
	sleep $moment
	# xl makes the domain in its own process; only its watcher is another. It may have been faster.
	kill -KILL $! 2>/dev/null || true
	wait $! 2>/dev/null || true
	xl_state "killed-after-$moment"
	record "xl-4.17-create-after-kill-$moment" xl create "$tst100"
	xl list | awk 'NR > 2 { print $(NF - 4) }' | while read -r id; do xl destroy "$id"; done
	until [ "$(xl list | wc -l)" = 2 ]; do sleep 0.2; done
done
