# A restart: the process is gone, the disk is there, and every client comes back over a new connection.

== Nothing is written without a disk to write to
a: CONNECT expiry=never will(w,gone)
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
local: PUBLISH t x qos1 retain
    accepted
    a < PUBLISH t x qos1 #1
disk
    nothing

== Only what outlives its connection is written, and the wills of all
journal
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE t qos2
    a < SUBACK #1 qos2
local: PUBLISH t x qos2
    accepted
    a < PUBLISH t x qos2 #1
disk
    nothing
b: CONNECT v3 will(w,gone)
    b < CONNACK Success
disk
    Will 1
b: DISCONNECT
    b close
    b ended, client b
    event: disconnected, Disconnect(Success)
    event: session of b ended
disk
    nothing

== A kept session, its subscriptions and what waits for it [MQTT-3.1.2-23]
journal
a: CONNECT expiry=60s
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
a: SUBSCRIBE gone qos1 #2
    a < SUBACK #2 qos1
a: UNSUBSCRIBE gone #3
    a < UNSUBACK #3 Success
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
local: PUBLISH t one qos1
    accepted
local: PUBLISH t two qos2
    accepted
local: PUBLISH t zero
    accepted
disk
    Session 1, Subscription 1, Message 2, Delivery 2
restart
    1 sessions, 1 subscriptions, 2 deliveries, 0 retained, 0 wills, 0 orphans
a: CONNECT resume expiry=60s
    a < CONNACK Success session_present
    a < PUBLISH t one qos1 #1
    a < PUBLISH t two qos1 #2
a: PUBACK #1
a: PUBACK #2
disk
    Session 1, Subscription 1
local: PUBLISH gone x qos1
    accepted
local: PUBLISH t three
    accepted
    a < PUBLISH t three

== What was sent and not acknowledged is sent again under its packet id, and what was released is released [MQTT-4.4.0-1]
journal
a: CONNECT expiry=60s receive=4
    a < CONNACK Success
a: SUBSCRIBE t qos2
    a < SUBACK #1 qos2
local: PUBLISH t first qos1
    accepted
    a < PUBLISH t first qos1 #1
a: PUBACK #1
local: PUBLISH t one qos1
    accepted
    a < PUBLISH t one qos1 #2
local: PUBLISH t two qos2
    accepted
    a < PUBLISH t two qos2 #3
local: PUBLISH t three qos2
    accepted
    a < PUBLISH t three qos2 #4
local: PUBLISH t four qos2
    accepted
    a < PUBLISH t four qos2 #5
local: PUBLISH t five qos1
    accepted
a: PUBREC #3
    a < PUBREL #3
a: PUBACK #2
    a < PUBLISH t five qos1 #6
a: PUBREC #4
    a < PUBREL #4
a: PUBCOMP #4
disk
    Session 1, Subscription 1, Message 2, Delivery 3
restart
    1 sessions, 1 subscriptions, 3 deliveries, 0 retained, 0 wills, 0 orphans
a: CONNECT resume expiry=60s
    a < CONNACK Success session_present
    a < PUBREL #3
    a < PUBLISH t four qos2 #5 dup
    a < PUBLISH t five qos1 #6 dup
a: PUBCOMP #3
a: PUBREC #5
    a < PUBREL #5
a: PUBACK #6
a: PUBCOMP #5
disk
    Session 1, Subscription 1
local: PUBLISH t six qos1
    accepted
    a < PUBLISH t six qos1 #7

== A QoS 2 publication that was taken is not taken twice [MQTT-4.3.3-10]
journal
s: CONNECT expiry=60s
    s < CONNACK Success
s: SUBSCRIBE t qos2
    s < SUBACK #1 qos2
p: CONNECT expiry=60s
    p < CONNACK Success
p: PUBLISH t one qos2 #7
    accepted from p
    s < PUBLISH t one qos2 #1
    p < PUBREC #7
p: PUBLISH t two qos2 #8
    accepted from p
    s < PUBLISH t two qos2 #2
    p < PUBREC #8
p: PUBREL #8
    p < PUBCOMP #8
disk
    Session 2, Subscription 1, Message 2, Delivery 2, Received 1
restart
    2 sessions, 1 subscriptions, 2 deliveries, 0 retained, 0 wills, 0 orphans
p: CONNECT resume expiry=60s
    p < CONNACK Success session_present
p: PUBLISH t one qos2 #7 dup
    p < PUBREC #7
p: PUBREL #7
    p < PUBCOMP #7
p: PUBREL #8
    p < PUBCOMP #8
p: PUBLISH t three qos2 #7
    accepted from p
    p < PUBREC #7
s: CONNECT resume expiry=60s
    s < CONNACK Success session_present
    s < PUBLISH t one qos2 #1 dup
    s < PUBLISH t two qos2 #2 dup
    s < PUBLISH t three qos2 #3

== A publication that was refused is not kept as one that was taken
journal
p: CONNECT expiry=60s
    p < CONNACK Success
p: PUBLISH $SYS/x one qos2 #7
    event: publication of p to $SYS/x refused, NotAuthorized
    p < PUBREC #7 NotAuthorized
disk
    Session 1

== One publication for many sessions is written once
journal
a: CONNECT expiry=60s
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
b: CONNECT expiry=60s
    b < CONNACK Success
b: SUBSCRIBE # qos2 id=5
    b < SUBACK #1 qos2
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
b: LOST
    b ended, client b
    event: disconnected, Lost(Closed)
local: PUBLISH t x qos2 retain expiry=100s
    accepted
disk
    Session 2, Subscription 2, Message 1, Delivery 2, Retained 1
restart
    2 sessions, 2 subscriptions, 2 deliveries, 1 retained, 0 wills, 0 orphans
wait 10s
b: CONNECT resume expiry=60s
    b < CONNACK Success session_present
    b < PUBLISH t x qos2 #1 id=5 expiry=90s
b: PUBREC #1
    b < PUBREL #1
disk
    Session 2, Subscription 2, Message 1, Delivery 2, Retained 1
b: PUBCOMP #1
a: CONNECT resume expiry=60s
    a < CONNACK Success session_present
    a < PUBLISH t x qos1 #1 expiry=90s
a: PUBACK #1
disk
    Session 2, Subscription 2, Retained 1

== A retained message is the last one, has its properties, and expires although nobody was there
journal
local: PUBLISH a old retain
    accepted
local: PUBLISH a new retain qos1 utf8 type=text user=k:v
    accepted
local: PUBLISH b x retain
    accepted
local: PUBLISH b - retain
    accepted
local: PUBLISH c short retain expiry=5s
    accepted
local: PUBLISH d long retain expiry=50s
    accepted
wait 4s
restart
    0 sessions, 0 subscriptions, 0 deliveries, 3 retained, 0 wills, 0 orphans
sleep 6s
s: CONNECT
    s < CONNACK Success
s: SUBSCRIBE # qos2
    s < SUBACK #1 qos2
    s < PUBLISH a new qos1 #1 retain type=text utf8 k:v
    s < PUBLISH d long retain expiry=41s
disk
    Retained 2

== Retained messages on their way to a kept session
journal
local: PUBLISH a one retain qos1
    accepted
local: PUBLISH b two retain
    accepted
local: PUBLISH c three retain qos2
    accepted
s: CONNECT expiry=60s receive=1
    s < CONNACK Success
s: SUBSCRIBE # qos2
    s < SUBACK #1 qos2
    s < PUBLISH a one qos1 #1 retain
    s < PUBLISH b two retain
local: PUBLISH d four qos1
    accepted
disk
    Session 1, Subscription 1, Message 3, Delivery 3, Retained 3
s: PUBACK #1
    s < PUBLISH c three qos2 #2 retain
disk
    Session 1, Subscription 1, Message 2, Delivery 2, Retained 3
restart
    1 sessions, 1 subscriptions, 2 deliveries, 3 retained, 0 wills, 0 orphans
s: CONNECT resume expiry=60s
    s < CONNACK Success session_present
    s < PUBLISH c three qos2 #2 dup retain
    s < PUBLISH d four qos1 #3
s: PUBREC #2
    s < PUBREL #2
s: PUBCOMP #2
s: PUBACK #3
disk
    Session 1, Subscription 1, Retained 3

== A session's time runs while nobody is there; a connection ends with the process
journal
a: CONNECT expiry=20s
    a < CONNACK Success
b: CONNECT expiry=20s
    b < CONNACK Success
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
wait 15s
restart
    2 sessions, 0 subscriptions, 0 deliveries, 0 retained, 0 wills, 0 orphans
wait 10s
    event: session of a expired
session a
    no session
session b
    absent, 0 subscriptions, 0 queued, 0 in flight
restart
    1 sessions, 0 subscriptions, 0 deliveries, 0 retained, 0 wills, 0 orphans
wait 10s
    event: session of b expired
session b
    no session
disk
    nothing

== A session that ends with its connection does not outlive the process, and one that was cut short does not either
journal
a: CONNECT expiry=60s
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
local: PUBLISH t x qos1
    accepted
    a < PUBLISH t x qos1 #1
a: DISCONNECT expiry=60s
    a close
    a ended, client a
    event: disconnected, Disconnect(Success)
a: CONNECT resume
    a < CONNACK Success session_present
    a < PUBLISH t x qos1 #1 dup
disk
    nothing
restart
    0 sessions, 0 subscriptions, 0 deliveries, 0 retained, 0 wills, 0 orphans
a: CONNECT resume
    a < CONNACK Success

== A clean start leaves nothing of the old session
journal
a: CONNECT expiry=60s
    a < CONNACK Success
a: SUBSCRIBE t $share/g/t qos1
    a < SUBACK #1 qos1 qos1
local: PUBLISH t x qos1
    accepted
    a < PUBLISH t x qos1 #1
    a < PUBLISH t x qos1 #2
a: PUBLISH t y qos2
    accepted from a
    a < PUBLISH t y qos1 #3
    a < PUBLISH t y qos1 #4
    a < PUBREC #1
a: CONNECT expiry=60s
    old#1 close SessionTakenOver (the same client id has connected again [MQTT-3.1.4-3])
    old#1 ended, client a
    event: disconnected, TakenOver { resumed: false }
    event: session of a ended
    a < CONNACK Success
disk
    Session 1

== The wills of clients that were connected are published: their connections are lost
journal
s: CONNECT expiry=60s
    s < CONNACK Success
s: SUBSCRIBE # qos1
    s < SUBACK #1 qos1
a: CONNECT will(w/a,gone,qos1,retain)
    a < CONNACK Success
b: CONNECT expiry=60s will(w/b,gone,qos1)
    b < CONNACK Success
c: CONNECT expiry=60s will(w/c,gone,qos1,delay=10s)
    c < CONNACK Success
d: CONNECT expiry=60s will(w/d,gone,qos1,delay=10s)
    d < CONNACK Success
d: LOST
    d ended, client d
    event: disconnected, Lost(Closed)
wait 5s
restart
    4 sessions, 1 subscriptions, 0 deliveries, 0 retained, 4 wills, 0 orphans
    accepted will of old#0: w/b
    event: will of b published to w/b
    accepted will of old#0: w/a
    event: will of a published to w/a
    event: session of a ended
disk
    Session 4, Subscription 1, Message 2, Delivery 2, Will 2, Retained 1
wait 5s
c: CONNECT resume expiry=60s
    c < CONNACK Success session_present
wait 10s
    accepted will of old#0: w/d
    event: will of d published to w/d
s: CONNECT resume expiry=60s
    s < CONNACK Success session_present
    s < PUBLISH w/b gone qos1 #1
    s < PUBLISH w/a gone qos1 #2
    s < PUBLISH w/d gone qos1 #3
disk
    Session 4, Subscription 1, Message 3, Delivery 3, Retained 1

== A will that was taken back stays away
journal
a: CONNECT expiry=60s will(w,gone,delay=10s)
    a < CONNACK Success
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT resume expiry=60s
    a < CONNACK Success session_present
restart
    1 sessions, 0 subscriptions, 0 deliveries, 0 retained, 0 wills, 0 orphans
disk
    Session 1
wait 20s

== Deliveries of a shared subscription wait for whom they were given to
journal
a: CONNECT expiry=60s
    a < CONNACK Success
a: SUBSCRIBE $share/g/t qos1
    a < SUBACK #1 qos1
b: CONNECT expiry=60s
    b < CONNACK Success
b: SUBSCRIBE $share/g/t qos1
    b < SUBACK #1 qos1
local: PUBLISH t one qos1
    accepted
    a < PUBLISH t one qos1 #1
local: PUBLISH t two qos1
    accepted
    b < PUBLISH t two qos1 #1
restart
    2 sessions, 2 subscriptions, 2 deliveries, 0 retained, 0 wills, 0 orphans
a: CONNECT resume expiry=60s
    a < CONNACK Success session_present
    a < PUBLISH t one qos1 #1 dup
a: PUBACK #1
b: CONNECT resume expiry=60s
    b < CONNACK Success session_present
    b < PUBLISH t two qos1 #1 dup
b: PUBACK #1
local: PUBLISH t three qos1
    accepted
    a < PUBLISH t three qos1 #2
disk
    Session 2, Subscription 2, Message 1, Delivery 1

== A damaged part of the disk costs what was on it, and is not met again
journal
a: CONNECT expiry=60s
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
local: PUBLISH t one qos1
    accepted
    a < PUBLISH t one qos1 #1
local: PUBLISH r x retain
    accepted
restart without=Message
    1 sessions, 1 subscriptions, 0 deliveries, 1 retained, 0 wills, 1 orphans
disk
    Session 1, Subscription 1, Retained 1
restart without=Session
    0 sessions, 0 subscriptions, 0 deliveries, 1 retained, 0 wills, 1 orphans
disk
    Retained 1
a: CONNECT resume
    a < CONNACK Success

== A full disk: what must be kept is refused, and may be sent again [MQTT-4.3.3-9]
journal
s: CONNECT expiry=60s
    s < CONNACK Success
s: SUBSCRIBE t qos2
    s < SUBACK #1 qos2
p: CONNECT expiry=60s
    p < CONNACK Success
full
p: PUBLISH t one qos1 #1
    event: publication of p to t refused, QuotaExceeded
    p < PUBACK #1 QuotaExceeded
p: PUBLISH t two qos2 #2
    p < PUBREC #2 QuotaExceeded
p: PUBLISH t zero
    accepted from p
    s < PUBLISH t zero
room
p: PUBLISH t two qos2 #2
    accepted from p
    s < PUBLISH t two qos2 #1
    p < PUBREC #2
stats refused_storage
    refused_storage: 2

== 3.1.1 has no word for it: its connection is closed, and the publication comes again
journal
p: CONNECT v3 resume
    p < CONNACK Success
full
p: PUBLISH t one qos2 #1
    event: publication of p to t refused, QuotaExceeded
    p close QuotaExceeded (a publication was refused, which 3.1.1 has no other word for)
    p ended, client p
    event: disconnected, Closed(QuotaExceeded)
room
p: CONNECT v3 resume
    p < CONNACK Success session_present
p: PUBLISH t one qos2 #1 dup
    accepted from p
    p < PUBREC #1

== What the broker says of itself is kept in memory only, even when there is no room for anything else
limits retained_max=1 retained_backlog_max=9
journal
local: PUBLISH kept x retain
    accepted
local: PUBLISH $SYS/broker/uptime 10 retain
    accepted
local: PUBLISH $SYS/broker/uptime 20 retain
    accepted
disk
    Retained 1
a: CONNECT
    a < CONNACK Success
a: SUBSCRIBE # $SYS/#
    a < SUBACK #1 qos0 qos0
    a < PUBLISH kept x retain
    a < PUBLISH $SYS/broker/uptime 20 retain
