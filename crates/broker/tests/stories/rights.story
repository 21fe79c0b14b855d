# Who may do what: every publication, subscription and delivery is judged by the rights of its session's holder.

== What no grant allows is refused, with a reason code that says so, and told once per connection
role fitter write:topics:a/#
a: CONNECT as=user:anna roles=fitter
    a < CONNACK Success
a: PUBLISH a/1 x qos1 #1
    accepted from a
    a < PUBACK #1 NoMatchingSubscribers
a: PUBLISH b/1 x qos1 #2
    event: publication of a to b/1 refused, NotAuthorized
    a < PUBACK #2 NotAuthorized
a: PUBLISH b/1 x qos2 #3
    a < PUBREC #3 NotAuthorized
a: PUBLISH b/1 x
a: PUBLISH a/1 x qos2 #3
    accepted from a
    a < PUBREC #3 NoMatchingSubscribers
stats refused
    refused_topic: 0, refused_retained: 0, refused_elsewhere: 0, refused_storage: 0, refused_access: 3, refused_subscription: 0, refused_delivery: 0

== What was granted on the way in is not asked again, unless somebody else holds the session by now
role fitter write:topics:a/#
a: CONNECT as=user:anna roles=fitter
    a < CONNACK Success
a: PUBLISH a/1 x qos1 #1 right=granted
    accepted from a
    a < PUBACK #1 NoMatchingSubscribers
a: PUBLISH b/1 x qos1 #2 right=granted
    accepted from a
    a < PUBACK #2 NoMatchingSubscribers
a: PUBLISH a/1 x qos1 #3 right=elsewhere
    accepted from a
    a < PUBACK #3 NoMatchingSubscribers
a: PUBLISH b/1 x qos1 #4 right=elsewhere
    event: publication of a to b/1 refused, NotAuthorized
    a < PUBACK #4 NotAuthorized

== What was denied on the way in is refused, and nobody else is told, for nobody has read it
role fitter write:topics:a/#
a: CONNECT as=user:anna roles=fitter
    a < CONNACK Success
a: PUBLISH b/1 x qos1 #1 right=denied
    event: publication of a to b/1 refused, NotAuthorized
    a < PUBACK #1 NotAuthorized
a: PUBLISH b/1 x qos1 #2 right=denied refuse=150_is_above_100
    a < PUBACK #2 NotAuthorized
a: PUBLISH a/1 x qos2 #3
    accepted from a
    a < PUBREC #3 NoMatchingSubscribers
a: PUBLISH a/1 x qos2 #3 dup right=denied
    a < PUBREC #3
a: PUBLISH $SYS/x x right=denied
stats refused
    refused_topic: 1, refused_retained: 0, refused_elsewhere: 0, refused_storage: 0, refused_access: 2, refused_subscription: 0, refused_delivery: 0

== In 3.1.1 it is acknowledged and goes nowhere
role fitter write:topics:a/#
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE #
    b < SUBACK #1 qos0
a: CONNECT v3 as=user:anna roles=fitter
    a < CONNACK Success
a: PUBLISH b/1 x qos1 #1
    event: publication of a to b/1 refused, NotAuthorized
    a < PUBACK #1
a: PUBLISH a/1 x qos1 #2
    accepted from a
    b < PUBLISH a/1 x
    a < PUBACK #2

== Nothing that is refused is retained
role fitter read:topics:#
a: CONNECT as=user:anna roles=fitter
    a < CONNACK Success
a: PUBLISH t x retain qos1 #1
    event: publication of a to t refused, NotAuthorized
    a < PUBACK #1 NotAuthorized
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE t
    b < SUBACK #1 qos0

== A command takes another verb than a message, and a pin says in whose name
role node read,write:topics:spBv1.0/# pin:G:E
a: CONNECT as=user:e roles=node
    a < CONNACK Success
a: PUBLISH spBv1.0/G/NBIRTH/E x qos1 #1
    accepted from a
    a < PUBACK #1 NoMatchingSubscribers
a: PUBLISH spBv1.0/G/NBIRTH/F x qos1 #2
    event: publication of a to spBv1.0/G/NBIRTH/F refused, NotAuthorized
    a < PUBACK #2 NotAuthorized
a: PUBLISH spBv1.0/G/NCMD/E x qos1 #3
    a < PUBACK #3 NotAuthorized
a: PUBLISH spBv1.0/STATE/host x qos1 #4
    a < PUBACK #4 NotAuthorized

== A subscription needs all that it asks for
role listener read:topics:a/# read:topics:b/+/c
a: CONNECT as=user:anna roles=listener
    a < CONNACK Success
a: SUBSCRIBE a/# a/b b/1/c
    a < SUBACK #1 qos0 qos0 qos0
a: SUBSCRIBE # +/+/c $SYS/# $share/g/# b/# $share/g/a/#
    event: subscription of a to # refused
    a < SUBACK #1 NotAuthorized NotAuthorized NotAuthorized NotAuthorized NotAuthorized qos0
a: SUBSCRIBE x
    a < SUBACK #1 NotAuthorized
session a
    connected, 4 subscriptions, 0 queued, 0 in flight
stats refused
    refused_topic: 0, refused_retained: 0, refused_elsewhere: 0, refused_storage: 0, refused_access: 0, refused_subscription: 6, refused_delivery: 0

== What is refused is not sent what is retained there
role listener read:topics:a/#
b: CONNECT
    b < CONNACK Success
b: PUBLISH a/1 x retain
    accepted from b
b: PUBLISH b/1 x retain
    accepted from b
a: CONNECT v3 as=user:anna roles=listener
    a < CONNACK Success
a: SUBSCRIBE # a/#
    event: subscription of a to # refused
    a < SUBACK #1 UnspecifiedError qos0
    a < PUBLISH a/1 x retain

== Each delivery is judged, also while a subscription stands that was made with other rights
role wide read:topics:#
role narrow read:topics:a/#
a: CONNECT as=user:anna roles=wide
    a < CONNACK Success
a: SUBSCRIBE a/# +/+
    a < SUBACK #1 qos0 qos0
b: CONNECT
    b < CONNACK Success
b: PUBLISH a/1 x
    accepted from b
    a < PUBLISH a/1 x
b: PUBLISH b/1 x
    accepted from b
    a < PUBLISH b/1 x
rights a as=user:anna roles=narrow
    event: subscription of a to +/+ refused
b: PUBLISH a/1 x
    accepted from b
    a < PUBLISH a/1 x
b: PUBLISH b/1 x qos1 #1
    accepted from b
    b < PUBACK #1 NoMatchingSubscribers
session a
    connected, 1 subscriptions, 0 queued, 0 in flight
rights a as=user:anna roles=wide
b: PUBLISH b/1 x
    accepted from b
stats refused
    refused_topic: 0, refused_retained: 0, refused_elsewhere: 0, refused_storage: 0, refused_access: 0, refused_subscription: 1, refused_delivery: 0

== What waits when rights change is dropped if it may not be had any more
role wide read:topics:#
role narrow read:topics:a/#
a: CONNECT as=user:anna roles=wide receive=1
    a < CONNACK Success
a: SUBSCRIBE # qos1
    a < SUBACK #1 qos1
hold a
b: CONNECT
    b < CONNACK Success
b: PUBLISH a/1 one qos1 #1
    accepted from b
    a wake
    b < PUBACK #1
b: PUBLISH b/1 two qos1 #2
    accepted from b
    b < PUBACK #2
b: PUBLISH a/1 three qos1 #3
    accepted from b
    b < PUBACK #3
rights a as=user:anna roles=narrow
    event: subscription of a to # refused
read a
    a < PUBLISH a/1 one qos1 #1
a: PUBACK #1
    a < PUBLISH a/1 three qos1 #2
read a

== Also what is retained and waits for a new subscription
journal
role wide read:topics:#
role narrow read:topics:a/#
b: CONNECT
    b < CONNACK Success
b: PUBLISH a/1 x retain qos1 #1
    accepted from b
    b < PUBACK #1 NoMatchingSubscribers
b: PUBLISH b/1 x retain qos1 #2
    accepted from b
    b < PUBACK #2 NoMatchingSubscribers
b: PUBLISH a/2 x retain qos1 #3
    accepted from b
    b < PUBACK #3 NoMatchingSubscribers
a: CONNECT as=user:anna roles=wide expiry=60s
    a < CONNACK Success
hold a
a: SUBSCRIBE # qos1
    a < SUBACK #1 qos1
    a wake
rights a as=user:anna roles=narrow
    event: subscription of a to # refused
disk
    Session 1, Message 2, Delivery 2, Retained 3
read a
    a < PUBLISH a/1 x qos1 #1 retain
    a < PUBLISH a/2 x qos1 #2 retain
a: PUBACK #1
a: PUBACK #2
disk
    Session 1, Retained 3

== And when a kept session goes on: subscription, queue and what was in flight (MA13)
journal
role wide read:topics:#
role narrow read:topics:a/#
a: CONNECT as=user:anna roles=wide expiry=60s
    a < CONNACK Success
a: SUBSCRIBE # qos1
    a < SUBACK #1 qos1
a: SUBSCRIBE a/+ qos1
    a < SUBACK #1 qos1
b: CONNECT
    b < CONNACK Success
b: PUBLISH b/0 flying qos1 #1
    accepted from b
    a < PUBLISH b/0 flying qos1 #1
    b < PUBACK #1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
b: PUBLISH b/1 waiting qos1 #1
    accepted from b
    b < PUBACK #1
b: PUBLISH a/1 waiting qos1 #2
    accepted from b
    b < PUBACK #2
restart
    1 sessions, 2 subscriptions, 3 deliveries, 0 retained, 0 wills, 0 orphans
a: CONNECT as=user:anna roles=narrow resume expiry=60s
    a < CONNACK Success session_present
    event: subscription of a to # refused
    a < PUBLISH a/1 waiting qos1 #2
session a
    connected, 1 subscriptions, 0 queued, 1 in flight
disk
    Session 1, Subscription 1, Message 1, Delivery 1
b: CONNECT
    b < CONNACK Success
b: PUBLISH b/2 x qos1 #1
    accepted from b
    b < PUBACK #1 NoMatchingSubscribers

== Of a group only those are picked who may have it
role narrow read:topics:a/#
role wide read:topics:#
a: CONNECT as=user:a roles=wide
    a < CONNACK Success
a: SUBSCRIBE $share/g/#
    a < SUBACK #1 qos0
b: CONNECT as=user:b roles=wide
    b < CONNACK Success
b: SUBSCRIBE $share/g/#
    b < SUBACK #1 qos0
rights a as=user:a roles=wide
c: CONNECT
    c < CONNACK Success
c: PUBLISH x 1
    accepted from c
    a < PUBLISH x 1
c: PUBLISH x 2
    accepted from c
    b < PUBLISH x 2
rights b as=user:b roles=narrow
    event: subscription of b to $share/g/# refused
c: PUBLISH x 3
    accepted from c
    a < PUBLISH x 3
c: PUBLISH x 4
    accepted from c
    a < PUBLISH x 4
session b
    connected, 0 subscriptions, 0 queued, 0 in flight

== What a member may not have any more goes to another
role none
role wide read:topics:#
a: CONNECT as=user:a roles=wide
    a < CONNACK Success
a: SUBSCRIBE $share/g/# qos1
    a < SUBACK #1 qos1
b: CONNECT as=user:b roles=wide
    b < CONNACK Success
b: SUBSCRIBE $share/g/# qos1
    b < SUBACK #1 qos1
hold a
c: CONNECT
    c < CONNACK Success
c: PUBLISH x 1 qos1 #1
    accepted from c
    a wake
    c < PUBACK #1
rights a as=user:a roles=none
    event: subscription of a to $share/g/# refused
    b < PUBLISH x 1 qos1 #1

== A will is judged when it is left (MA11)
role node write:topics:spBv1.0/#
a: CONNECT as=user:a roles=node will(spBv1.0/G/NCMD/E,x)
    a < CONNACK NotAuthorized (the will's topic is not granted to this client)
    event: "a" refused, NotAuthorized (the will's topic is not granted to this client)
    a close
b: CONNECT as=user:b roles=node will(other,x)
    b < CONNACK NotAuthorized (the will's topic is not granted to this client)
    event: "b" refused, NotAuthorized (the will's topic is not granted to this client)
    b close
c: CONNECT v3 as=user:c roles=node will(other,x)
    c < CONNACK NotAuthorized
    event: "c" refused, NotAuthorized (the will's topic is not granted to this client)
    c close
d: CONNECT as=user:d roles=node will(spBv1.0/G/NDEATH/E,x)
    d < CONNACK Success

== And when it is due
role node write:topics:a
role none
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE a
    b < SUBACK #1 qos0
a: CONNECT as=user:a roles=node will(a,gone)
    a < CONNACK Success
rights a as=user:a roles=none
a: LOST
    event: publication of a to a refused, NotAuthorized
    a ended, client a
    event: disconnected, Lost(Closed)
    event: session of a ended
c: CONNECT as=user:c roles=node will(a,gone,delay=5s) expiry=60s
    c < CONNACK Success
c: LOST
    c ended, client c
    event: disconnected, Lost(Closed)
rights c as=user:c roles=none
wait 6s
    event: publication of c to a refused, NotAuthorized
d: CONNECT as=user:d roles=node will(a,gone,delay=5s) expiry=60s
    d < CONNACK Success
d: LOST
    d ended, client d
    event: disconnected, Lost(Closed)
wait 6s
    accepted will of d, left by user:d: a
    event: will of d published to a
    b < PUBLISH a gone
stats refused
    refused_topic: 0, refused_retained: 0, refused_elsewhere: 0, refused_storage: 0, refused_access: 2, refused_subscription: 0, refused_delivery: 0

== The will of a login that is good no more is forgotten
journal
role node write:topics:a
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE a
    b < SUBACK #1 qos0
a: CONNECT as=user:a roles=node will(a,gone)
    a < CONNACK Success
forget a
a: LOST 0x87
    a ended, client a
    event: disconnected, Lost(ProtocolError(NotAuthorized))
    event: session of a ended
c: CONNECT as=user:c roles=node will(a,gone,delay=5s) expiry=60s
    c < CONNACK Success
c: LOST
    c ended, client c
    event: disconnected, Lost(Closed)
forget c
wait 6s
disk
    Session 1

== After a restart a will is what it was judged to be, unless its client's rights are found out
journal
role node write:topics:a
role none
a: CONNECT as=certificate:a roles=node will(a,gone)
    a < CONNACK Success
b: CONNECT as=user:b roles=node will(a,gone,delay=5s) expiry=60s
    b < CONNACK Success
restart
    1 sessions, 0 subscriptions, 0 deliveries, 0 retained, 2 wills, 0 orphans
    accepted will of old#0, left by certificate:a: a
    event: will of a published to a
    event: session of a ended
rights b as=user:b roles=none
wait 6s
    event: publication of b to a refused, NotAuthorized

== A session belongs to its principal: nobody takes it over, connected or absent, whatever may be done with it
role all read,write,command:topics:#
a: CONNECT as=user:anna roles=all expiry=60s
    a < CONNACK Success
b: CONNECT id=a as=user:ben
    b < CONNACK NotAuthorized (the session of this client id belongs to somebody else)
    event: "a" refused, NotAuthorized (the session of this client id belongs to somebody else)
    b close
c: CONNECT id=a
    c < CONNACK NotAuthorized (the session of this client id belongs to somebody else)
    event: "a" refused, NotAuthorized (the session of this client id belongs to somebody else)
    c close
d: CONNECT v3 id=a as=certificate:anna
    d < CONNACK NotAuthorized
    event: "a" refused, NotAuthorized (the session of this client id belongs to somebody else)
    d close
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
e: CONNECT id=a as=user:ben resume
    e < CONNACK NotAuthorized (the session of this client id belongs to somebody else)
    event: "a" refused, NotAuthorized (the session of this client id belongs to somebody else)
    e close
session a
    absent, 0 subscriptions, 0 queued, 0 in flight
f: CONNECT id=a as=user:anna roles=all resume expiry=60s
    f < CONNACK Success session_present

== Also after a restart
journal
role all read,write,command:topics:#
a: CONNECT as=user:anna roles=all expiry=60s
    a < CONNACK Success
a: SUBSCRIBE t qos1
    a < SUBACK #1 qos1
restart
    1 sessions, 1 subscriptions, 0 deliveries, 0 retained, 0 wills, 0 orphans
b: CONNECT id=a as=user:ben roles=all resume
    b < CONNACK NotAuthorized (the session of this client id belongs to somebody else)
    event: "a" refused, NotAuthorized (the session of this client id belongs to somebody else)
    b close
a: CONNECT as=user:anna roles=all resume
    a < CONNACK Success session_present

== What nobody in particular has left belongs to whoever proves to be somebody
role all read,write,command:topics:#
a: CONNECT expiry=60s
    a < CONNACK Success
b: CONNECT id=a as=user:anna roles=all resume
    b < CONNACK NotAuthorized (the session of this client id belongs to somebody else)
    event: "a" refused, NotAuthorized (the session of this client id belongs to somebody else)
    b close
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
b: CONNECT id=a as=user:anna roles=all resume
    b < CONNACK Success session_present
c: CONNECT id=a resume
    c < CONNACK NotAuthorized (the session of this client id belongs to somebody else)
    event: "a" refused, NotAuthorized (the session of this client id belongs to somebody else)
    c close

== QoS 2 is judged when it is published; a repeat is not routed, whatever may be done then (MA14)
role node write:topics:a
role none
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE a
    b < SUBACK #1 qos0
a: CONNECT as=user:a roles=node expiry=60s
    a < CONNACK Success
a: PUBLISH a x qos2 #1
    accepted from a
    b < PUBLISH a x
    a < PUBREC #1
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
rights a as=user:a roles=none
a: CONNECT as=user:a roles=none resume expiry=60s
    a < CONNACK Success session_present
a: PUBLISH a x qos2 #1 dup
    a < PUBREC #1
a: PUBREL #1
    a < PUBCOMP #1
a: PUBLISH a x qos2 #1
    event: publication of a to a refused, NotAuthorized
    a < PUBREC #1 NotAuthorized

== What is announced is judged by its element, what is published by its topic
elsewhere
tree
role tree read:tree:P/#
role topics read:topics:uns/P/#
role both read:tree:P/A read:topics:uns/P/#
a: CONNECT as=user:a roles=tree
    a < CONNACK Success
a: SUBSCRIBE uns/P/#
    a wants what is current: uns/P/#
    a < SUBACK #1 qos0
a: SUBSCRIBE # uns/# uns/+/A
    event: subscription of a to # refused
    a < SUBACK #1 NotAuthorized NotAuthorized NotAuthorized
b: CONNECT as=user:b roles=topics
    b < CONNACK Success
b: SUBSCRIBE uns/P/#
    b wants what is current: uns/P/#
    b < SUBACK #1 qos0
c: CONNECT as=user:c roles=both
    c < CONNACK Success
c: SUBSCRIBE uns/P/#
    c wants what is current: uns/P/#
    c < SUBACK #1 qos0
d: CONNECT
    d < CONNACK Success
announce uns/P/A 1
    announced
    a < PUBLISH uns/P/A 1
    c < PUBLISH uns/P/A 1
announce uns/P/B 2
    announced
    a < PUBLISH uns/P/B 2
d: PUBLISH uns/P/A plain
    accepted from d
    b < PUBLISH uns/P/A plain
    c < PUBLISH uns/P/A plain
current a uns/P/# uns/P/A=1 uns/P/B=2
    room
    a < PUBLISH uns/P/A 1 retain
    a < PUBLISH uns/P/B 2 retain
current b uns/P/# uns/P/A=1 uns/P/B=2
    room
current c uns/P/# uns/P/A=1 uns/P/B=2
    room
    c < PUBLISH uns/P/A 1 retain

== Without a tree to judge by, only those who may do everything hear of what is announced
elsewhere
role tree read,write,command:topics:# read,write,command:tree:#
a: CONNECT as=user:a roles=tree
    a < CONNACK Success
a: SUBSCRIBE uns/#
    a wants what is current: uns/#
    a < SUBACK #1 qos0
b: CONNECT
    b < CONNACK Success
b: SUBSCRIBE uns/#
    b wants what is current: uns/#
    b < SUBACK #1 qos0
announce uns/P/A 1
    announced
    b < PUBLISH uns/P/A 1

== One principal has so many sessions and no more, whatever client ids it makes up (MQ08)
limits sessions_per_principal_max=2
role all read,write,command:topics:#
a: CONNECT as=user:anna roles=all expiry=10s
    a < CONNACK Success
b: CONNECT as=user:anna roles=all expiry=10s
    b < CONNACK Success
c: CONNECT as=user:anna roles=all
    c < CONNACK QuotaExceeded (too many sessions of one principal)
    event: "c" refused, QuotaExceeded (too many sessions of one principal)
    c close
d: CONNECT as=user:ben roles=all
    d < CONNACK Success
e: CONNECT
    e < CONNACK Success
f: CONNECT
    f < CONNACK Success
g: CONNECT
    g < CONNACK Success
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
a: CONNECT as=user:anna roles=all resume expiry=10s
    a < CONNACK Success session_present
a: LOST
    a ended, client a
    event: disconnected, Lost(Closed)
wait 11s
    event: session of a expired
c: CONNECT as=user:anna roles=all
    c < CONNACK Success
