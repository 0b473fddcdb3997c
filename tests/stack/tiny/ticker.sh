# A command with a child process, which must not outlive it.
sleep 1000 &
echo "{\"event\": \"ticker\", \"front\": \"$FRONT\", \"child\": $!, \"extra\": \"$EXTRA\"}"
wait
